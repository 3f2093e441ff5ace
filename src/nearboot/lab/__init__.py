"""The boot lab: namespaces, links, virtual machines."""
