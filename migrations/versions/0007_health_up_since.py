"""When a boot server came back for a vantage, so that its places can go back to it one after the other."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("health", sa.Column("up_since", sa.DateTime(timezone=True), nullable=True))
