package lab

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

//go:embed guest/init
var guestInit []byte

// modules are loaded before the job, with what they depend on. The kernels have fq_codel and the fifos built in.
var modules = []string{
	"veth", "ifb", "bridge", "tun", "8021q", "wireguard",
	"nf_tables", "nft_chain_nat", "nft_ct", "nft_masq", "nf_defrag_ipv6",
	"sch_ingress", "sch_htb", "sch_tbf", "sch_cake", "sch_netem", "sch_prio", "sch_fq",
	"cls_bpf", "cls_u32", "cls_matchall", "act_mirred", "act_gact",
}

// spares are modules that a scenario loads itself, since they cost every namespace something: pktgen has a thread in each.
var spares = []string{"pktgen"}

// tools are programs of this machine that tests, scenarios and init run. The shell is among them since busybox's has an ip and a tc of its own.
var tools = []string{"nft", "tc", "ip", "setpriv", "unshare", "sh", "perl"}

// busybox is where Debian's busybox-static has it.
const busybox = "/bin/busybox"

// initramfs makes the root file system of a guest in the folder work: a cpio archive. payload fills the tree with what is run.
func (i Image) initramfs(ctx context.Context, work string, payload func(root string) error) (archive string, err error) {
	root := filepath.Join(work, "root")
	for _, dir := range []string{"bin", "sbin", "usr/sbin", "usr/bin", "usr/local/bin", "etc", "proc", "sys", "dev", "tmp", "run", "root", "var/lib"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(root, "init"), guestInit, 0o755); err != nil {
		return "", err
	}
	if err := copyFile(busybox, filepath.Join(root, busybox)); err != nil {
		return "", fmt.Errorf("install busybox-static: %w", err)
	}
	// The kernel loads modules by this name.
	if err := os.Symlink(busybox, filepath.Join(root, "sbin", "modprobe")); err != nil {
		return "", err
	}
	for _, step := range []func() error{
		func() error { return copyTools(ctx, root) },
		func() error { return i.copyModules(ctx, root) },
		func() error { return payload(root) },
	} {
		if err := step(); err != nil {
			return "", err
		}
	}
	return pack(ctx, root, filepath.Join(work, "initramfs.cpio"))
}

// pack writes the tree to a cpio archive. It is not compressed: the emulated processor would take seconds to undo that. The same tree makes
// the same archive, without this machine's times and inode numbers: a digit more in them is an instruction more at boot, and from there
// another moment for all that comes, and other random numbers.
func pack(ctx context.Context, root, archive string) (string, error) {
	var names strings.Builder
	written := make([]unix.Timespec, 2) // the epoch, for access and for change
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		names.WriteString(name + "\x00")
		return errors.Join(err, unix.UtimesNanoAt(unix.AT_FDCWD, path, written, unix.AT_SYMLINK_NOFOLLOW))
	})
	if err != nil {
		return "", err
	}
	_, err = pipe(ctx, root, names.String(), "cpio", "--create", "--null", "--format=newc", "--reproducible", "--quiet", "--file="+archive)
	return archive, err
}

var libraryPath = regexp.MustCompile(`/\S+`)

// copyTools puts the tools into /usr/sbin, where they go before busybox's own, and their libraries where their loader looks.
func copyTools(ctx context.Context, root string) error {
	for _, tool := range tools {
		path, err := exec.LookPath(tool)
		if err != nil {
			return fmt.Errorf("find what the guest needs: %w", err)
		}
		if err := copyFile(path, filepath.Join(root, "usr/sbin", tool)); err != nil {
			return err
		}
		libraries, err := output(ctx, root, "ldd", path)
		if err != nil {
			return err
		}
		for _, library := range libraryPath.FindAllString(libraries, -1) {
			if err := copyFile(library, filepath.Join(root, library)); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyModules copies the modules and what they depend on, uncompressed since busybox reads them so, and indexes them.
func (i Image) copyModules(ctx context.Context, root string) error {
	index := filepath.Join(i.modules(), "modules.dep")
	if _, err := os.Stat(index); err != nil {
		if _, err := output(ctx, i.dir, "depmod", "-b", i.dir, i.Release); err != nil {
			return err
		}
	}
	var paths []string
	for _, module := range slices.Concat(modules, spares) {
		out, err := output(ctx, i.dir, "modprobe", "-d", i.dir, "-S", i.Release, "--show-depends", module)
		if err != nil {
			return fmt.Errorf("find module %s of kernel %s: %w", module, i.Name, err)
		}
		for line := range strings.Lines(out) {
			if words := strings.Fields(line); len(words) >= 2 && words[0] == "insmod" {
				paths = append(paths, words[1])
			}
		}
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		name, err := filepath.Rel(i.dir, path)
		if err != nil {
			return err
		}
		to := filepath.Join(root, name)
		if err := copyFile(path, to); err != nil {
			return err
		}
		if strings.HasSuffix(to, ".xz") {
			if _, err := output(ctx, root, "xz", "-d", to); err != nil {
				return err
			}
		}
	}
	for _, list := range []string{"modules.order", "modules.builtin", "modules.builtin.modinfo"} {
		if err := copyFile(filepath.Join(i.modules(), list), filepath.Join(root, "lib/modules", i.Release, list)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(root, "etc/modules"), []byte(strings.Join(modules, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	_, err := output(ctx, root, "depmod", "-b", root, i.Release)
	return err
}

// copyFile copies a file's content and its permissions, and makes the folders that it needs.
func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}
