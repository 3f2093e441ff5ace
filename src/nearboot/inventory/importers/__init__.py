"""Importers: foreign inventories become ours, with an account of what did not fit. Pure: text in, values out."""

from __future__ import annotations

from nearboot.inventory.importers.host_table import HostTable, load_host_table
from nearboot.inventory.importers.isc_dhcpd import Counts, ImportResult, import_isc
from nearboot.inventory.importers.rules import Rules
from nearboot.inventory.importers.rules_document import load_rules

__all__ = ["Counts", "HostTable", "ImportResult", "Rules", "import_isc", "load_host_table", "load_rules"]
