"""What a client gets to boot: request, NBP table, resolution and rendering."""
