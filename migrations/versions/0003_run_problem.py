"""What went wrong in a provisioning run, beside the reason why it was started."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("provisioning_runs", sa.Column("problem", sa.String(), server_default="", nullable=False))
