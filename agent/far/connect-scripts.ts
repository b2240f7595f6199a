/**
 * What both scripts do: `MODE HOST PORT`, from within the network of a pod. They say `+` on stderr once
 * somebody listens, and then, in mode `open`, are the connection; mode `touch` only looks whether there
 * is one to be had. Else they say why not. A listener is looked for in the kernel's table (state 0A):
 * nc itself does not tell that it has connected, and a connection to find out would be a visitor too many.
 */
const look = `
mode=$1 host=$2 port=$3
row=$(printf ':%04X [0-9A-F]*:0000 0A ' "$port")
`;

/** What a script says of a port that nobody listens on. */
export const nothingListens = "nothing listens on it";

const refuse = `{ echo "${nothingListens}" >&2; exit 1; }`;

/** For busybox alone; its nc passes a half-close on. */
export const relayScript = `#!/bin/sh
${look}
grep -q "$row" /proc/net/tcp /proc/net/tcp6 2>/dev/null || ${refuse}
if [ "$mode" = touch ]; then
  nc -w 5 "$host" "$port" -e true && echo + >&2
  exit
fi
echo + >&2
exec nc "$host" "$port"
`;

/** For the tools of any image: some nc, or bash. `touch` trusts the kernel's table. */
const toolsScript = `${look}
if command -v grep >/dev/null 2>&1; then
  grep -q "$row" /proc/net/tcp /proc/net/tcp6 2>/dev/null || ${refuse}
fi
if command -v nc >/dev/null 2>&1; then set -- nc "$host" "$port"
elif command -v busybox >/dev/null 2>&1 && busybox nc --help >/dev/null 2>&1; then set -- busybox nc "$host" "$port"
elif command -v bash >/dev/null 2>&1 && command -v cat >/dev/null 2>&1; then
  set -- bash --norc -c 'exec 3<>"/dev/tcp/$0/$1" 4<&0; cat <&4 >&3 & cat <&3; kill $! 2>/dev/null' "$host" "$port"
else echo "the image has neither nc nor bash" >&2; exit 127
fi
echo + >&2
[ "$mode" = touch ] || exec "$@"
`;

/** Mode of a script. */
export type ConnectMode = "open" | "touch";

/** Where to connect, as the pod's network sees it. */
export type ConnectTo = { readonly host: string; readonly port: number };

/** In a relay. */
export function relayCommand(mode: ConnectMode, { host, port }: ConnectTo): readonly string[] {
  return ["/bin/relay", mode, host, String(port)];
}

/** In a container of somebody's image. */
export function toolsCommand(mode: ConnectMode, { host, port }: ConnectTo): readonly string[] {
  return ["sh", "-c", toolsScript, "sh", mode, host, String(port)];
}
