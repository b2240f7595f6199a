import { expect, test } from "vitest";
import { canLimitDisk } from "./disk-quota.ts";

const mounts = [
  "/dev/vda / ext4 rw,relatime 0 0",
  "/dev/vdb /var/lib xfs rw,prjquota 0 0",
  "/dev/vdc /var/lib/docker xfs rw,noquota 0 0",
  "/dev/vdc /var/lib/docker xfs rw,attr2,pquota 0 0",
  "/dev/vdd /srv xfs rw,usrquota 0 0",
].join("\n");

const overlay = (rootDir: string, backing = "xfs") => ({
  driver: "overlay2",
  rootDir,
  facts: { "Backing Filesystem": backing },
});

test.each([
  ["xfs with project quotas", overlay("/var/lib/docker"), true],
  ["a directory on it", overlay("/var/lib/other/docker"), true],
  ["xfs without", overlay("/srv/docker"), false],
  ["ext4", overlay("/", "extfs"), false],
  ["a directory of like name", overlay("/var/library"), false],
  ["btrfs", { driver: "btrfs", rootDir: "/", facts: {} }, true],
  ["another driver", { driver: "vfs", rootDir: "/var/lib", facts: {} }, false],
])("canLimitDisk() on %s", (_what, storage, want) => {
  expect(canLimitDisk(storage, mounts)).toBe(want);
});

test("canLimitDisk() knows no mounts of another machine", () => {
  expect(canLimitDisk(overlay("/var/lib/docker"), "")).toBe(false);
});
