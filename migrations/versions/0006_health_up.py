"""Whether a boot server is up for each vantage, which outlasts a single read."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("health", sa.Column("up", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.execute("UPDATE health SET up = healthy")
