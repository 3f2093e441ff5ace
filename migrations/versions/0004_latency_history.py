"""What became of each latency map: its state, who loaded and who decided, what the guards said, what was not used."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXTS = {"state": "accepted", "actor": "", "file": "", "format": "", "decided_by": "", "decision": ""}


def upgrade() -> None:
    for name, default in TEXTS.items():
        op.add_column("latency_maps", sa.Column(name, sa.String(), server_default=default, nullable=False))
    for name in ("samples", "refused"):
        op.add_column("latency_maps", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column("latency_maps", sa.Column("reasons", sa.JSON(), server_default="[]", nullable=False))
    for name in ("decided_at", "signed_at"):
        op.add_column("latency_maps", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    counted = "SELECT count(*) FROM latency_samples WHERE map_id = latency_maps.id"
    op.execute(f"UPDATE latency_maps SET samples = ({counted})")
    op.create_table(
        "latency_quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("map_id", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["map_id"], ["latency_maps.id"], name=op.f("fk_latency_quarantine_map_id_latency_maps"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_latency_quarantine")),
    )
    op.create_index(op.f("ix_latency_quarantine_map_id"), "latency_quarantine", ["map_id"], unique=False)
