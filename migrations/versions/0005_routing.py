"""When a route moved, what a boot server can carry, and which boot servers a tier or a server is to use or never to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("routes", sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("boot_servers", sa.Column("capacity", sa.Integer(), nullable=True))
    for table in ("tiers", "servers"):
        for name in ("boot_from", "never_boot_from"):
            op.add_column(table, sa.Column(name, sa.JSON(), server_default="[]", nullable=False))
