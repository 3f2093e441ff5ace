"""The inventory, and what happens to it."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PHASES = "phase IN ('power-on', 'dhcp', 'nbp', 'config', 'kernel', 'installer', 'configure', 'reboot', 'provisioned')"


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_at"), "audit_log", ["at"], unique=False)

    op.create_table(
        "hardware_models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("manufacturer", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("firmware", sa.String(), nullable=False),
        sa.Column("console", sa.String(), nullable=False),
        sa.CheckConstraint("firmware IN ('bios', 'uefi')", name=op.f("ck_hardware_models_firmware")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hardware_models")),
        sa.UniqueConstraint("slug", name=op.f("uq_hardware_models_slug")),
    )
    op.create_table(
        "images",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("kernel", sa.String(), nullable=False),
        sa.Column("initrd", sa.JSON(), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("kernel_sha256", sa.String(), nullable=False),
        sa.Column("initrd_sha256", sa.JSON(), nullable=False),
        sa.Column("arch", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("slug", name=op.f("uq_images_slug")),
    )
    op.create_table(
        "latency_maps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("epoch > 0", name=op.f("ck_latency_maps_epoch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_latency_maps")),
        sa.UniqueConstraint("source", "epoch", name=op.f("uq_latency_maps_source_epoch")),
    )
    op.create_table(
        "locations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("aliases", sa.JSON(), nullable=False),
        sa.CheckConstraint("kind IN ('region', 'site', 'room', 'rack')", name=op.f("ck_locations_kind")),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name=op.f("ck_locations_latitude")),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name=op.f("ck_locations_longitude")),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_locations_parent")),
        sa.ForeignKeyConstraint(["parent_id"], ["locations.id"], name=op.f("fk_locations_parent_id_locations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locations")),
        sa.UniqueConstraint("slug", name=op.f("uq_locations_slug")),
    )
    op.create_index(op.f("ix_locations_parent_id"), "locations", ["parent_id"], unique=False)

    op.create_table(
        "tiers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tiers")),
        sa.UniqueConstraint("slug", name=op.f("uq_tiers_slug")),
    )
    op.create_table(
        "boot_profiles",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("tier_id", sa.Integer(), nullable=True),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("nbp", sa.String(), nullable=True),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("installer", sa.String(), nullable=False),
        sa.CheckConstraint(
            "installer IN ('none', 'kickstart', 'preseed', 'autoinstall')", name=op.f("ck_boot_profiles_installer")
        ),
        sa.CheckConstraint("nbp IN ('pxelinux', 'grub', 'ipxe')", name=op.f("ck_boot_profiles_nbp")),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_boot_profiles_image_id_images")),
        sa.ForeignKeyConstraint(
            ["model_id"], ["hardware_models.id"], name=op.f("fk_boot_profiles_model_id_hardware_models")
        ),
        sa.ForeignKeyConstraint(["tier_id"], ["tiers.id"], name=op.f("fk_boot_profiles_tier_id_tiers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_boot_profiles")),
        sa.UniqueConstraint("slug", name=op.f("uq_boot_profiles_slug")),
    )
    op.create_index(op.f("ix_boot_profiles_image_id"), "boot_profiles", ["image_id"], unique=False)
    op.create_index(op.f("ix_boot_profiles_model_id"), "boot_profiles", ["model_id"], unique=False)
    op.create_index(op.f("ix_boot_profiles_tier_id"), "boot_profiles", ["tier_id"], unique=False)

    op.create_table(
        "boot_servers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("ipv4", sa.String(), nullable=True),
        sa.Column("ipv6", sa.String(), nullable=True),
        sa.Column("http_url", sa.String(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("tftp_port", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'draining', 'disabled')", name=op.f("ck_boot_servers_state")),
        sa.CheckConstraint("tftp_port BETWEEN 1 AND 65535", name=op.f("ck_boot_servers_tftp_port")),
        sa.CheckConstraint("weight > 0", name=op.f("ck_boot_servers_weight")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_boot_servers_location_id_locations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_boot_servers")),
        sa.UniqueConstraint("ipv4", name=op.f("uq_boot_servers_ipv4")),
        sa.UniqueConstraint("ipv6", name=op.f("uq_boot_servers_ipv6")),
        sa.UniqueConstraint("name", name=op.f("uq_boot_servers_name")),
    )
    op.create_index(op.f("ix_boot_servers_location_id"), "boot_servers", ["location_id"], unique=False)

    op.create_table(
        "latency_samples",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("map_id", sa.Integer(), nullable=False),
        sa.Column("src_id", sa.Integer(), nullable=False),
        sa.Column("dst_id", sa.Integer(), nullable=False),
        sa.Column("rtt_ms", sa.Double(), nullable=True),
        sa.Column("min_ms", sa.Double(), nullable=True),
        sa.Column("loss", sa.Double(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("family", sa.Integer(), nullable=True),
        sa.CheckConstraint("count >= 0", name=op.f("ck_latency_samples_count")),
        sa.CheckConstraint("family IN (4, 6)", name=op.f("ck_latency_samples_family")),
        sa.CheckConstraint("loss BETWEEN 0 AND 1", name=op.f("ck_latency_samples_loss")),
        sa.CheckConstraint("min_ms >= 0", name=op.f("ck_latency_samples_min_ms")),
        sa.CheckConstraint("rtt_ms >= 0", name=op.f("ck_latency_samples_rtt_ms")),
        sa.ForeignKeyConstraint(
            ["dst_id"], ["locations.id"], name=op.f("fk_latency_samples_dst_id_locations"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["map_id"], ["latency_maps.id"], name=op.f("fk_latency_samples_map_id_latency_maps"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["src_id"], ["locations.id"], name=op.f("fk_latency_samples_src_id_locations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_latency_samples")),
    )
    op.create_index(op.f("ix_latency_samples_dst_id"), "latency_samples", ["dst_id"], unique=False)
    op.create_index(op.f("ix_latency_samples_map_id"), "latency_samples", ["map_id"], unique=False)
    op.create_index(op.f("ix_latency_samples_src_id"), "latency_samples", ["src_id"], unique=False)

    op.create_table(
        "origins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_origins_location_id_locations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_origins")),
        sa.UniqueConstraint("name", name=op.f("uq_origins_name")),
    )
    op.create_index(op.f("ix_origins_location_id"), "origins", ["location_id"], unique=False)

    op.create_table(
        "subnets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("family", sa.Integer(), nullable=False),
        sa.Column("kea_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=True),
        sa.Column("dns", sa.JSON(), nullable=False),
        sa.Column("ntp", sa.JSON(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("pools", sa.JSON(), nullable=False),
        sa.Column("relays", sa.JSON(), nullable=False),
        sa.CheckConstraint("family IN (4, 6)", name=op.f("ck_subnets_family")),
        sa.CheckConstraint("kea_id BETWEEN 1 AND 4294967294", name=op.f("ck_subnets_kea_id")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_subnets_location_id_locations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subnets")),
        sa.UniqueConstraint("family", "kea_id", name=op.f("uq_subnets_family_kea_id")),
        sa.UniqueConstraint("prefix", name=op.f("uq_subnets_prefix")),
    )
    op.create_index(op.f("ix_subnets_location_id"), "subnets", ["location_id"], unique=False)

    op.create_table(
        "health",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("boot_server_id", sa.Integer(), nullable=False),
        sa.Column("vantage", sa.String(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("healthy", sa.Boolean(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=True),
        sa.CheckConstraint("streak > 0", name=op.f("ck_health_streak")),
        sa.ForeignKeyConstraint(
            ["boot_server_id"],
            ["boot_servers.id"],
            name=op.f("fk_health_boot_server_id_boot_servers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health")),
        sa.UniqueConstraint("boot_server_id", "vantage", name=op.f("uq_health_boot_server_id_vantage")),
    )
    op.create_table(
        "routes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("family", sa.Integer(), nullable=False),
        sa.Column("chosen_id", sa.Integer(), nullable=True),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("family IN (4, 6)", name=op.f("ck_routes_family")),
        sa.ForeignKeyConstraint(
            ["chosen_id"], ["boot_servers.id"], name=op.f("fk_routes_chosen_id_boot_servers"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_routes_location_id_locations"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routes")),
        sa.UniqueConstraint("location_id", "family", name=op.f("uq_routes_location_id_family")),
    )
    op.create_index(op.f("ix_routes_chosen_id"), "routes", ["chosen_id"], unique=False)

    op.create_table(
        "servers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("tier_id", sa.Integer(), nullable=True),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("profile_id", sa.Integer(), nullable=True),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_servers_location_id_locations")),
        sa.ForeignKeyConstraint(["model_id"], ["hardware_models.id"], name=op.f("fk_servers_model_id_hardware_models")),
        sa.ForeignKeyConstraint(["profile_id"], ["boot_profiles.id"], name=op.f("fk_servers_profile_id_boot_profiles")),
        sa.ForeignKeyConstraint(["tier_id"], ["tiers.id"], name=op.f("fk_servers_tier_id_tiers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_servers")),
        sa.UniqueConstraint("name", name=op.f("uq_servers_name")),
    )
    op.create_index(op.f("ix_servers_location_id"), "servers", ["location_id"], unique=False)
    op.create_index(op.f("ix_servers_model_id"), "servers", ["model_id"], unique=False)
    op.create_index(op.f("ix_servers_profile_id"), "servers", ["profile_id"], unique=False)
    op.create_index(op.f("ix_servers_tier_id"), "servers", ["tier_id"], unique=False)

    op.create_table(
        "bmcs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("protocol", sa.String(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("credential", sa.String(), nullable=False),
        sa.CheckConstraint("protocol IN ('redfish', 'ipmi')", name=op.f("ck_bmcs_protocol")),
        sa.ForeignKeyConstraint(
            ["server_id"], ["servers.id"], name=op.f("fk_bmcs_server_id_servers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bmcs")),
        sa.UniqueConstraint("server_id", name=op.f("uq_bmcs_server_id")),
    )
    op.create_table(
        "interfaces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mac", sa.String(), nullable=True),
        sa.Column("duid", sa.String(), nullable=True),
        sa.Column("ipv4", sa.String(), nullable=True),
        sa.Column("ipv6", sa.String(), nullable=True),
        sa.Column("boot", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["server_id"], ["servers.id"], name=op.f("fk_interfaces_server_id_servers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interfaces")),
        sa.UniqueConstraint("duid", name=op.f("uq_interfaces_duid")),
        sa.UniqueConstraint("ipv4", name=op.f("uq_interfaces_ipv4")),
        sa.UniqueConstraint("ipv6", name=op.f("uq_interfaces_ipv6")),
        sa.UniqueConstraint("mac", name=op.f("uq_interfaces_mac")),
        sa.UniqueConstraint("server_id", "name", name=op.f("uq_interfaces_server_id_name")),
    )
    op.create_table(
        "provisioning_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.CheckConstraint(
            PHASES,
            name=op.f("ck_provisioning_runs_phase"),
        ),
        sa.ForeignKeyConstraint(
            ["server_id"], ["servers.id"], name=op.f("fk_provisioning_runs_server_id_servers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provisioning_runs")),
        sa.UniqueConstraint("token", name=op.f("uq_provisioning_runs_token")),
    )
    op.create_index(
        op.f("ix_provisioning_runs_server_id_started_at"),
        "provisioning_runs",
        ["server_id", "started_at"],
        unique=False,
    )
    op.create_index(
        "uq_provisioning_runs_open",
        "provisioning_runs",
        ["server_id"],
        unique=True,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )

    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=True),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("boot_server_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('provision-start', 'dhcp-lease', 'tftp-read', 'http-read', 'callback', 'operator')",
            name=op.f("ck_events_kind"),
        ),
        sa.CheckConstraint(
            PHASES,
            name=op.f("ck_events_phase"),
        ),
        sa.ForeignKeyConstraint(
            ["boot_server_id"],
            ["boot_servers.id"],
            name=op.f("fk_events_boot_server_id_boot_servers"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["provisioning_runs.id"], name=op.f("fk_events_run_id_provisioning_runs"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["server_id"], ["servers.id"], name=op.f("fk_events_server_id_servers"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_at"), "events", ["at"], unique=False)
    op.create_index(op.f("ix_events_boot_server_id"), "events", ["boot_server_id"], unique=False)
    op.create_index(op.f("ix_events_client_at"), "events", ["client", "at"], unique=False)
    op.create_index(op.f("ix_events_kind_subject_at"), "events", ["kind", "subject", "at"], unique=False)
    op.create_index(op.f("ix_events_run_id"), "events", ["run_id"], unique=False)
    op.create_index(op.f("ix_events_server_id_at"), "events", ["server_id", "at"], unique=False)
