"""No password of a database URL is ever shown."""

from __future__ import annotations

import pytest

from nearboot.inventory.database_url import shown


@pytest.mark.parametrize(
    ("url", "text"),
    [
        pytest.param("postgresql://me:s3cret@db/n", "postgresql://me:***@db/n", id="usual"),
        pytest.param("postgresql://:s3cret@db/n", "postgresql://:***@db/n", id="no-user"),
        pytest.param("postgresql://me:s3@cr/et@db/n", "postgresql://me:***@db/n", id="not-escaped"),
        pytest.param(
            "postgresql://db/n?user=me&password=s3&x=1", "postgresql://db/n?user=me&password=***&x=1", id="query"
        ),
        pytest.param("postgresql://db/n?sslpassword=s3cret", "postgresql://db/n?sslpassword=***", id="key"),
        pytest.param("postgresql://me:s3cret@db:1:3/n", "postgresql://me:***@db:1:3/n", id="unreadable"),
        pytest.param("postgresql://me@db:5432/n", "postgresql://me@db:5432/n", id="none"),
        pytest.param("postgresql+psycopg://me@/n?host=/run/pg", "postgresql+psycopg://me@/n?host=/run/pg", id="socket"),
        pytest.param("sqlite:////var/lib/nearboot/nearboot.db", "sqlite:////var/lib/nearboot/nearboot.db", id="sqlite"),
    ],
)
def test_a_password_is_not_shown(url: str, text: str) -> None:
    """Everything else is: which host, which port, which database."""
    assert shown(url) == text
