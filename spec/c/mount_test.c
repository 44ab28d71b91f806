/* Which folders outlast their container, by what /proc/self/mountinfo looks like under docker, on Fly and on a plain machine. */
#include "base/mount.h"
#include "spec/c/tap.h"

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DOCKER \
    "700 600 0:52 / / rw,relatime master:9 - overlay overlay rw,lowerdir=/a:/b,upperdir=/c,workdir=/d\n" \
    "701 700 0:55 / /proc rw,nosuid - proc proc rw\n702 700 0:60 / /dev/shm rw - tmpfs shm rw,size=65536k\n"
#define PLAIN "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n30 22 0:28 / /tmp rw - tmpfs tmpfs rw\n"
#define VOLUME "710 700 254:1 /var/lib/docker/volumes/"

static void is(bool expected, const char *info, const char *path, bool resets_root, const char *what) {
    ok(mount_is_lasting(info, path, resets_root) == expected, "%s: %s", what, expected ? "lasting" : "passing");
}

int main(void) {
    is(true, PLAIN, "/home/me/.local/state/trademind", false, "a folder of a plain machine");
    is(false, PLAIN, "/tmp/x", false, "memory");
    is(true, PLAIN, "/tmpx", false, "a name that only begins like a mount point");
    is(false, PLAIN, "/data", true, "a folder on Fly without a volume");
    is(true, PLAIN "40 22 254:2 / /data rw - ext4 /dev/vdc rw\n", "/data", true, "a volume of Fly");
    is(false, DOCKER, "/data", false, "a container's own layer");
    is(false, DOCKER VOLUME DIGITS "/_data /data rw - ext4 /dev/vda1 rw\n", "/data", false, "a volume without a name");
    is(true, DOCKER VOLUME "trademind/_data /data rw - ext4 /dev/vda1 rw\n", "/data", false, "a volume with a name");
    is(true, DOCKER VOLUME "0123/_data /data rw - ext4 /dev/vda1 rw\n", "/data/sub", false,
       "a name of digits, a folder below");
    is(true, DOCKER "711 700 254:1 /srv/my\\040data /data ro - ext4 /dev/vda1 rw\n", "/data", false,
       "a folder of the host");
    is(false, DOCKER "712 700 254:1 /x /data rw - ext4 /dev/vda1 rw\n713 700 0:70 / /data rw - tmpfs tmpfs rw\n",
       "/data", false, "the last of two that lie on each other");
    is(true, "", "/data", false, "nothing known");
    is(true, "nonsense\n1 2 3\n", "/data", false, "nothing that can be read");
    ok(mount_is_lasting_here("/proc/self/nothing", true), "a path that does not exist: lasting");
    ok(!mount_is_lasting_here("/dev/shm", false), "this machine's memory: passing");
    return done();
}
