# One image for web, worker, beat and (for trials) the sandbox; docker-compose.yml gives each its command.
FROM python:3.13-slim AS environment
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY requirements/base.txt requirements/
RUN python -m venv /venv && /venv/bin/pip install --require-hashes -r requirements/base.txt

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
# For names on the pictures of shared badges; docs/operating.md tells what other scripts need.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/*
RUN useradd --system --create-home --uid 10001 app && mkdir /data && chown app /data
WORKDIR /app
COPY --from=environment /venv /venv
COPY . .
# Static files need the code but none of the secrets: this key signs nothing that leaves the build.
RUN DEBUG=off SECRET_KEY=build FIELD_ENCRYPTION_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    python manage.py collectstatic --noinput
USER app
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
CMD ["gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]
