# myDESKlive for production: one image for web, worker and beat. `deploy/pin.sh` raises the digests.

FROM node:22-slim@sha256:c3de60bf2f9dd0ac6370e6117950ff62d6e339527e7472301c9c78a017978392 AS assets
WORKDIR /assets
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

# The relay of video calls, for `docker compose --profile turn`.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS turn
RUN apt-get update && apt-get install --yes --no-install-recommends coturn && rm -rf /var/lib/apt/lists/*
COPY deploy/turn/turnserver.conf /etc/turnserver.conf
USER turnserver

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=mydesklive.settings
WORKDIR /app
COPY requirements/runtime.txt requirements/
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements/runtime.txt
COPY --from=assets /assets/node_modules/altcha/dist/workers node_modules/altcha/dist/workers
COPY --from=assets /assets/node_modules/@digigov/css/dist node_modules/@digigov/css/dist
COPY --from=assets /assets/node_modules/@event-calendar/build/dist node_modules/@event-calendar/build/dist
COPY --from=assets /assets/node_modules/@fontsource/roboto node_modules/@fontsource/roboto
COPY --from=assets /assets/node_modules/idiomorph/dist node_modules/idiomorph/dist
COPY --from=assets /assets/node_modules/livekit-client/dist node_modules/livekit-client/dist
COPY . .
# The key is only for these two commands. The image does not contain it.
RUN pybabel compile --quiet --directory locale --domain django \
    && SECRET_KEY=build EMAIL_URL=dummymail: python manage.py collectstatic --no-input --verbosity 0 \
    && useradd --system --no-create-home mydesklive
USER mydesklive
EXPOSE 8000
HEALTHCHECK --interval=10s --start-period=30s CMD ["python", "deploy/healthy.py"]
CMD ["sh", "deploy/web.sh"]
