"""The inventory database: rows, loading, export, importers and checks."""
