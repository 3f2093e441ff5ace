"""Runs migrations on the connection that nearboot.inventory.schema_store hands over; there is no alembic.ini."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes["target_metadata"],
    render_as_batch=connection.dialect.name == "sqlite",  # SQLite alters a table by making it anew
    transactional_ddl=True,  # also on SQLite: nearboot begins the transaction itself
)
with context.begin_transaction():
    context.run_migrations()
