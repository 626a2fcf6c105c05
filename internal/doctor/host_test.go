package doctor

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestKernelRelease(t *testing.T) {
	for release, want := range map[string]bool{
		"6.1.0-18-amd64": true, "6.18.44-fc": true, "10.0": true, "6.0.19": false, "5.15.0-91-generic": false, "4.19": false,
	} {
		found, err := lookKernel(&box{release: release})
		if err != nil || (len(found) == 0) != want {
			t.Errorf("%s: %v, %v", release, found, err)
		}
	}
	if _, err := lookKernel(&box{release: "unknown"}); err == nil {
		t.Error("a release that nobody can read passes")
	}
}

func TestClock(t *testing.T) {
	for year, want := range map[int]bool{1970: false, 2020: false, 2026: true, 2040: true} {
		found, err := lookClock(&box{now: func() time.Time { return time.Date(year, 7, 1, 0, 0, 0, 0, time.UTC) }})
		if err != nil || (len(found) == 0) != want {
			t.Errorf("%d: %v, %v", year, found, err)
		}
	}
}

// mountTmp gives a directory of a file system of its own.
func mountTmp(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, unix.Mount("doctor", dir, "tmpfs", 0, options))
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

func TestStateDirectory(t *testing.T) {
	f := newField(t)
	for _, tt := range []struct {
		name string
		dir  func(t *testing.T) string
		want string // "" for ok
	}{
		{"there", func(t *testing.T) string { return t.TempDir() }, ""},
		{"yet to be made", func(t *testing.T) string { return filepath.Join(t.TempDir(), "lib", "sliced") }, ""},
		{"on a full disk", func(t *testing.T) string { return mountTmp(t, "size=16k") }, "no room in "},
		{"below a file", func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			must(t, os.WriteFile(file, nil, 0o600))
			return filepath.Join(file, "sliced")
		}, "not a directory"},
		{"on a disk that is read only", func(t *testing.T) string {
			dir := mountTmp(t, "")
			must(t, unix.Mount("doctor", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
			return filepath.Join(dir, "sliced")
		}, "read-only file system"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.cfg.StateDir = tt.dir(t)
			got := faults(t, f.examine(t))
			if tt.want == "" && len(got) == 0 {
				left, err := filepath.Glob(filepath.Join(f.cfg.StateDir, "*"))
				if err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
				return
			}
			if len(got) != 1 || tt.want == "" || !strings.HasPrefix(got[0], "state-directory: ") || !strings.Contains(got[0], tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// Whoever may not look is told so, once, and gets what can be had without.
func TestRightsThatLack(t *testing.T) {
	f := newField(t)
	var answers []Check
	err := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread has lost its rights, and ends with the goroutine
		err <- func() (err error) {
			if err := unix.Setns(f.box.Fd(), unix.CLONE_NEWNET); err != nil {
				return err
			}
			var none [2]unix.CapUserData
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			if err := unix.Capset(&header, &none[0]); err != nil {
				return err
			}
			answers, err = Examine(f.cfg)
			return err
		}()
	}()
	must(t, <-err)
	want := []string{"rights: the doctor lacks CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON: nobody looked at " +
		"state-directory, htb, tbf, ifb, clsact, cls_bpf, mirred, programs, delay, fq_codel, tcx, mtu, flowtable, packet-marks"}
	if diff := cmp.Diff(want, faults(t, answers)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.ContainsFunc(answers, func(c Check) bool { return c.Name == "forwarding" && c.OK }) {
		t.Errorf("nobody looked at forwarding: %+v", answers)
	}
}
