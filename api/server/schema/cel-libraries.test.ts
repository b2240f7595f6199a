import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { testRules } from "../../../test/kit/cel-rules.ts";

// Rules in the groups of Kubernetes' own table: each holds, or says what is wrong with it.

const text: JsonSchemaProps = { type: "string" };

testRules({
  urls: {
    fields: { u: text, bad: text },
    value: { u: "https://user@kubernetes.io:8080/docs/a%20b?k=1&k=2&e=#top", bad: "../x" },
    holds: [
      "isURL(self.u) && !isURL(self.bad) && isURL('/path')",
      "url(self.u).getScheme() == 'https' && url(self.u).getHost() == 'kubernetes.io:8080'",
      "url(self.u).getHostname() == 'kubernetes.io' && url(self.u).getPort() == '8080'",
      "url(self.u).getEscapedPath() == '/docs/a%20b' && url(self.u).getQuery()['k'] == ['1', '2']",
      "url('https://[::1]:80/').getHostname() == '::1' && url('/p').getHost() == ''",
      "url(self.u) == url(self.u) && url('https://a.b/') != url('https://a.b/c')",
    ],
    fails: { "url(self.bad).getHost() == ''": "URL parse error" },
  },
  addresses: {
    fields: { ip: text, net: text },
    value: { ip: "192.168.0.1", net: "192.168.0.0/24" },
    holds: [
      "isIP(self.ip) && ip(self.ip).family() == 4 && ip('::1').family() == 6 && !isIP('1.2.3')",
      "ip('127.0.0.1').isLoopback() && ip('0.0.0.0').isUnspecified() && ip('::1').isLoopback()",
      "ip('224.0.0.1').isLinkLocalMulticast() && ip('169.254.1.1').isLinkLocalUnicast()",
      "ip(self.ip).isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()",
      "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1') && !isIP('::ffff:1.2.3.4')",
      "string(ip('2001:0db8:0:0:0::1')) == '2001:db8::1' && ip('::1') == ip('0:0:0:0:0:0:0:1')",
      "isCIDR(self.net) && cidr(self.net).containsIP(self.ip) && cidr(self.net).containsIP(ip(self.ip))",
      "cidr(self.net).containsCIDR('192.168.0.128/25') && !cidr(self.net).containsCIDR(cidr('10.0.0.0/8'))",
      "cidr('192.168.1.9/24').masked() == cidr('192.168.1.0/24') && cidr(self.net).prefixLength() == 24",
      "cidr('192.168.1.9/24').ip() == ip('192.168.1.9') && string(cidr('::1/64')) == '::1/64'",
    ],
    fails: {
      "ip('x').family() == 4": "parse error during conversion from string",
      "cidr('1.2.3.4/99').prefixLength() == 1": "parse error during conversion from string",
    },
  },
  quantities: {
    fields: { q: text },
    value: { q: "1.5Gi" },
    holds: [
      "isQuantity(self.q) && !isQuantity('x') && quantity('1k') == quantity('1000')",
      "quantity(self.q).isGreaterThan(quantity('1Gi')) && quantity('1m').isLessThan(quantity('1'))",
      "quantity('50M').compareTo(quantity('50Mi')) == -1 && quantity('-3').sign() == -1",
      "quantity('50k').add('20k' == '' ? 1 : 20).asInteger() == 50020 && quantity('5').sub(2).asInteger() == 3",
      "quantity('1').add(quantity('500m')) == quantity('1.5') && quantity('1.5').asApproximateFloat() == 1.5",
      "quantity('50000000G').isInteger() && !quantity('1.5').isInteger()",
    ],
    fails: {
      "quantity('x').sign() == 1": "quantities must match the regular expression",
      "quantity('1.5').asInteger() == 1": "cannot convert value to integer",
    },
  },
  versions: {
    fields: { v: text },
    value: { v: "1.2.3" },
    holds: [
      "isSemver(self.v) && !isSemver('v1.0') && isSemver('v1.0', true) && !isSemver('01.2.3')",
      "semver(self.v).major() == 1 && semver(self.v).minor() == 2 && semver(self.v).patch() == 3",
      "semver('1.0.0').isGreaterThan(semver('1.0.0-rc.1')) && semver('1.2.3').isLessThan(semver('1.10.0'))",
      "semver('1.0.0-alpha.1').compareTo(semver('1.0.0-alpha.beta')) == -1",
      "semver('1.2.3+a') == semver('1.2.3+b') && semver('v01.01', true) == semver('1.1.0')",
    ],
    fails: { "semver('1').major() == 1": "Major.Minor.Patch" },
  },
  "forms of text": {
    fields: { n: text },
    value: { n: "my-name" },
    holds: [
      "!format.dns1123Label().validate(self.n).hasValue()",
      "format.dns1123Label().validate('A').hasValue() && format.dns1123Label().validate('A').value().size() == 1",
      "!format.named('uuid').value().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
      "!format.named('nothing').hasValue() && format.named('uri').hasValue()",
      "!format.dns1123LabelPrefix().validate('my-').hasValue() && !format.qualifiedName().validate('a.b/c').hasValue()",
      "!format.labelValue().validate('').hasValue() && format.date().validate('x').hasValue()",
      "format.dns1035Label().validate('1a').hasValue() && !format.dns1123Subdomain().validate('a.b').hasValue()",
    ],
  },
});
