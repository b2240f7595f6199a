# Shared by the scripts of this folder; sourced, never run. Needs bash and any Node with npm.
# Afterwards Node >= 24 comes first on PATH and $root is the checkout.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The newest LTS that package.json admits. Raise it together with "engines" there.
node_release=24.21.0

die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

node_major() { "$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0; }

# Puts Node >= 24 first on PATH: the one that is there, or the npm package `node` under .cache/.
use_node() {
  local bin=$root/.cache/node/node_modules/node/bin
  if [ "$(node_major node)" -lt 24 ]; then
    if [ "$(node_major "$bin/node")" -lt 24 ]; then
      command -v npm >/dev/null || die 'Missing npm: install any Node.js with npm (Debian: apt-get install nodejs npm)'
      printf 'Bringing Node.js %s from the npm registry ...\n' "$node_release" >&2
      mkdir -p "$root/.cache/node"
      # Outside the project, so that its ignore-scripts does not apply: this package installs by script.
      (cd "$root/.cache/node" && npm install --prefix . --no-save --no-audit --no-fund --loglevel=error \
        --ignore-scripts=false "node@$node_release" >&2) || die 'Cannot install Node.js from the npm registry'
    fi
    export PATH="$bin:$PATH"
  fi
}

# Installs the locked dependencies, and only when the lockfile changed since the last time.
use_dependencies() {
  local stamp=$root/node_modules/.lighthouse-lock
  if ! cmp -s "$root/package-lock.json" "$stamp"; then
    printf 'Installing dependencies ...\n' >&2
    (cd "$root" && npm ci --no-audit --no-fund --loglevel=error >&2) || die 'npm ci failed'
    cp "$root/package-lock.json" "$stamp"
  fi
}

# Debian packages that only tests and the private engine of hack/up need, by what they bring.
declare -A debian_package=(
  [dockerd]=docker.io [etcd]=etcd-server [docker-registry]=docker-registry
  [busybox]=busybox-static [kubectl]=kubernetes-client [ip]=iproute2
  [docker-compose]=docker-compose
)

# Some kubectl: the one on PATH, or a versioned one beside it.
have() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; }

# Installs what is missing of the given commands. Needs root (or sudo without a password) and apt.
use_commands() {
  local missing=() sudo=() name
  for name in "$@"; do have "$name" || missing+=("${debian_package[$name]}"); done
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || { printf 'Missing %s: install them, or run as root\n' "${missing[*]}" >&2; return 1; }
    sudo=(sudo -n)
  fi
  command -v apt-get >/dev/null || { printf 'Missing %s, and there is no apt-get to bring them\n' "${missing[*]}" >&2; return 1; }
  printf 'Installing Debian packages: %s ...\n' "${missing[*]}" >&2
  local log; log=$(mktemp)
  # A package list from the image's birth may be gone or stale: refresh it first.
  if ! { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2; rm -f "$log"; return 1
  fi
  rm -f "$log"
}
