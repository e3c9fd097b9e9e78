#!/bin/sh
# Raises the images of Dockerfile and docker-compose.yml to what their tags name today. Needs docker with buildx.
# Read the difference, build, and try it before you use it.
set -eu
cd "$(dirname "$0")/.."
for image in $(grep -ohE '[a-z0-9./-]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}' Dockerfile docker-compose.yml | sort -u); do
    tag=${image%@*}
    digest=$(docker buildx imagetools inspect "$tag" --format '{{.Manifest.Digest}}')
    echo "$digest" | grep -qE '^sha256:[0-9a-f]{64}$'
    sed -i "s|$image|$tag@$digest|g" Dockerfile docker-compose.yml
    echo "$tag $digest"
done
