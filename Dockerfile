# myDESKlive for production: one image for web, worker and beat.

FROM node:22-slim AS assets
WORKDIR /assets
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=mydesklive.settings
WORKDIR /app
COPY requirements/runtime.txt requirements/
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements/runtime.txt
COPY --from=assets /assets/node_modules/@digigov/css/dist node_modules/@digigov/css/dist
COPY --from=assets /assets/node_modules/@fontsource/roboto node_modules/@fontsource/roboto
COPY . .
# The key is only for these two commands. The image does not contain it.
RUN pybabel compile --quiet --directory locale --domain django \
    && SECRET_KEY=build EMAIL_URL=dummymail: python manage.py collectstatic --no-input --verbosity 0 \
    && useradd --system --no-create-home mydesklive
USER mydesklive
EXPOSE 8000
HEALTHCHECK --interval=10s --start-period=30s CMD ["python", "deploy/healthy.py"]
CMD ["sh", "deploy/web.sh"]
