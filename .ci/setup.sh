# Sourced by the two commands of the README: system packages and the virtual environment. Safe to run again.
# shellcheck shell=bash disable=SC2034

say() { printf '\n== %s\n' "$*"; }

# need_root SCRIPT ARGUMENT...: goes on as root, by sudo where it must.
need_root() {
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "this needs root: network namespaces and system packages" >&2; exit 1; }
    exec sudo -- "$@"
  fi
}

# need_packages PACKAGE...: installs those Debian packages that are not installed yet, in one go.
need_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then
    say "System packages: all $# are installed"
    return
  fi
  say "System packages: installing ${missing[*]}"
  apt-get -qq update
  env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null
}

# need_python: sets PYTHON to a Python of at least 3.11 that can make virtual environments.
need_python() {
  PYTHON=${PYTHON:-python3}
  if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
    need_packages python3 python3-venv
  fi
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "nearboot needs Python 3.11 or newer; $PYTHON is $("$PYTHON" -V)" >&2
    return 1
  }
}

# need_environment EXTRA: makes the virtual environment in .venv and installs this checkout into it; "" or "[dev]".
need_environment() {
  need_python
  say "Virtual environment: .venv"
  [ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".$1"
}

# What the boot lab needs: Kea, QEMU with its firmware, boot programs, namespaces. The kernel and the signed GRUB are
# downloaded, not installed, by the lab itself (linux-image-cloud-amd64, grub-efi-amd64-signed).
LAB_PACKAGES=(
  kea-dhcp4-server kea-dhcp6-server # the DHCP servers, and their configuration check
  qemu-system-x86 ovmf ipxe-qemu    # the machines: emulator, UEFI firmware, network boot ROMs
  pxelinux syslinux-common          # the BIOS boot program
  busybox-static                    # user space of the small initrd
  iproute2 procps util-linux        # network namespaces: ip, sysctl, setpriv
  ca-certificates                   # pip and apt over https
)
# What the tests need beyond that: a real PostgreSQL, other people's TFTP clients, GRUB's syntax check.
TEST_PACKAGES=(
  postgresql                        # the fleet's database
  curl tftp-hpa atftp               # TFTP peers (busybox's is there)
  grub-common                       # grub-script-check
  fping                             # its output is a format of latency maps
  kea-admin                         # perfdhcp
  gcc libc6-dev                     # the load generator of tests/bench
)
