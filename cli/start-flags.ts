import { type Flag, type Flags, Misuse, text, texts } from "./command.ts";

/** Objects that a server begins with. */
export const startWith: Flag = {
  long: "manifests",
  value: "PATH",
  about: "file or folder of objects to apply at the start; may be repeated",
  repeatable: true,
  completes: "file",
};

/** What the store is encrypted with. */
export const encryptionKeys: Flag = {
  long: "encryption-keys",
  value: "FILE",
  about:
    "keys that encrypt Secrets in the store, made if missing (default: $LIGHTHOUSE_ENCRYPTION_KEYS, else below /etc/lighthouse or ~/.config/lighthouse)",
  completes: "file",
};

/** How an agent finds its hosts. */
export const discoveryFlags: readonly Flag[] = [
  {
    long: "provider",
    value: "NAME",
    choices: ["auto", "gce", "digitalocean", "ec2", "azure", "config", "local"],
    about: "how to find hosts, whatever the Beacon says",
  },
  {
    long: "hosts",
    value: "FILE",
    about: "file of hosts, watched; means --provider config (default: /etc/lighthouse/hosts.yaml)",
    completes: "file",
  },
];

/** What an agent reaches ports of containers on other machines with. */
export const relayProgram: Flag = {
  long: "relay-program",
  value: "FILE",
  about:
    "static busybox that is brought to engines on other machines (default: $LIGHTHOUSE_RELAY_PROGRAM, else /bin/busybox)",
  completes: "file",
};

/** Whose ID tokens a server accepts; the names are those of kube-apiserver. */
export const oidcFlags: readonly Flag[] = [
  {
    long: "authentication-config",
    value: "FILE",
    about: "issuers of users: an apiserver.config.k8s.io/v1 AuthenticationConfiguration, watched",
    completes: "file",
  },
  { long: "oidc-issuer-url", value: "URL", about: "the one OpenID Connect issuer of users" },
  { long: "oidc-client-id", value: "ID", about: "the audience that its ID tokens must have" },
  {
    long: "oidc-username-claim",
    value: "CLAIM",
    about: "the claim that is the user's name (default: sub)",
  },
  {
    long: "oidc-username-prefix",
    value: "PREFIX",
    about: "before the name; - for none (default: the issuer and #; none for email)",
  },
  { long: "oidc-groups-claim", value: "CLAIM", about: "the claim that lists the user's groups" },
  { long: "oidc-groups-prefix", value: "PREFIX", about: "before each group (default: none)" },
  {
    long: "oidc-required-claim",
    value: "CLAIM=VALUE",
    repeatable: true,
    about: "a claim that every ID token must have; repeatable",
  },
  {
    long: "oidc-ca-file",
    value: "FILE",
    about: "authority of the issuer's certificate (default: the public ones)",
    completes: "file",
  },
];

/** What these flags say, as the server's configuration has it. @throws Misuse */
export function oidcConfigOf(flags: Flags): Readonly<Record<string, unknown>> {
  const issuerUrl = text(flags, "oidc-issuer-url");
  const clientId = text(flags, "oidc-client-id");
  const authenticationConfig = text(flags, "authentication-config");
  const used = oidcFlags.some(({ long }) => long.startsWith("oidc-") && flags[long] !== undefined);
  if (!used) return { authenticationConfig };
  if (authenticationConfig !== undefined) {
    throw new Misuse("--authentication-config stands for all --oidc-* flags: use one or the other");
  }
  if (issuerUrl === undefined || clientId === undefined) {
    throw new Misuse(
      "--oidc-issuer-url and --oidc-client-id are needed for the other --oidc-* flags",
    );
  }
  return {
    oidc: {
      issuerUrl,
      clientId,
      usernameClaim: text(flags, "oidc-username-claim"),
      usernamePrefix: text(flags, "oidc-username-prefix"),
      groupsClaim: text(flags, "oidc-groups-claim"),
      groupsPrefix: text(flags, "oidc-groups-prefix"),
      requiredClaims: texts(flags, "oidc-required-claim"),
      authorityFile: text(flags, "oidc-ca-file"),
    },
  };
}

/** How etcd is reached. */
export const etcdFlags: readonly Flag[] = [
  {
    long: "etcd-cafile",
    value: "FILE",
    about: "authorities that etcd's certificate must lead to, PEM (default: those of the system)",
    completes: "file",
  },
  {
    long: "etcd-certfile",
    value: "FILE",
    about: "client certificate for etcd, PEM; read again when it changes",
    completes: "file",
  },
  {
    long: "etcd-keyfile",
    value: "FILE",
    about: "key of that certificate, PEM",
    completes: "file",
  },
  { long: "etcd-insecure", about: "reach etcd on other machines without TLS" },
];

/** Certificates that others have issued. */
export const externalTlsFlags: readonly Flag[] = [
  {
    long: "tls-cert-file",
    value: "FILE",
    about: "another serving certificate with its chain, PEM, for clients who ask for its names",
    completes: "file",
  },
  {
    long: "tls-private-key-file",
    value: "FILE",
    about: "key of that certificate, PEM",
    completes: "file",
  },
  {
    long: "tls-sni-cert-key",
    value: "CERT,KEY",
    repeatable: true,
    about: "one more serving certificate and its key; may be repeated",
  },
  {
    long: "client-ca-file",
    value: "FILE",
    about: "authorities whose client certificates are users too, PEM",
    completes: "file",
  },
];

/** What the flags say of certificates of others; empty when they say nothing. @throws Misuse */
export function externalTlsOf(flags: Flags): { readonly externalTls?: object } {
  const [cert, key] = [text(flags, "tls-cert-file"), text(flags, "tls-private-key-file")];
  if ((cert === undefined) !== (key === undefined)) {
    throw new Misuse("--tls-cert-file and --tls-private-key-file need each other");
  }
  const more = texts(flags, "tls-sni-cert-key").map((pair) => {
    const [certFile = "", keyFile = "", ...rest] = pair.split(",");
    if (certFile === "" || keyFile === "" || rest.length > 0) {
      throw new Misuse(`--tls-sni-cert-key must be CERT,KEY, is "${pair}"`);
    }
    return { cert: certFile, key: keyFile };
  });
  const pairs = [...(cert === undefined || key === undefined ? [] : [{ cert, key }]), ...more];
  const clientCa = text(flags, "client-ca-file");
  if (pairs.length === 0 && clientCa === undefined) return {};
  return { externalTls: { pairs, ...(clientCa === undefined ? {} : { clientCa }) } };
}
