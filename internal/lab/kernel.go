package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Kernel is a distribution's kernel under the name of the package that depends on its newest build.
type Kernel struct {
	Name    string // version, as the tables have it
	Package string // of Debian
}

// Kernels are those that the lab knows, the oldest first.
var Kernels = []Kernel{
	{Name: "6.1", Package: "linux-image-cloud-amd64"},
	{Name: "6.12", Package: "linux-image-6.12-cloud-amd64"},
}

// kernelNamed finds one that the lab knows.
func kernelNamed(name string) (Kernel, error) {
	i := kernelAge(name)
	if i < 0 {
		return Kernel{}, fmt.Errorf("no kernel %q: the lab knows %v", name, Kernels)
	}
	return Kernels[i], nil
}

// Image is a kernel that was fetched and unpacked.
type Image struct {
	Kernel
	Release string // uname -r
	dir     string // of the unpacked package
}

func (i Image) vmlinuz() string { return filepath.Join(i.dir, "boot", "vmlinuz-"+i.Release) }
func (i Image) modules() string { return filepath.Join(i.dir, "lib", "modules", i.Release) }

// Fetch downloads and unpacks the kernel from the package sources of this machine, or finds it in the folder cache, where it stays
// until somebody deletes it.
func (k Kernel) Fetch(ctx context.Context, cache string) (Image, error) {
	cache, err := filepath.Abs(cache)
	if err != nil {
		return Image{}, err
	}
	dir := filepath.Join(cache, "kernel-"+k.Name)
	if image, err := k.unpacked(dir); !errors.Is(err, fs.ErrNotExist) {
		return image, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return Image{}, err
	}
	work, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return Image{}, err
	}
	defer os.RemoveAll(work)
	if err := k.download(ctx, work); err != nil {
		return Image{}, fmt.Errorf("fetch kernel %s: %w", k.Name, err)
	}
	// Another run may have been quicker; its image is as good.
	if err := os.Rename(filepath.Join(work, "image"), dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return Image{}, fmt.Errorf("keep kernel %s: %w", k.Name, err)
	}
	return k.unpacked(dir)
}

// unpacked reads the image in dir. The error wraps fs.ErrNotExist when there is none.
func (k Kernel) unpacked(dir string) (Image, error) {
	if _, err := os.Stat(dir); err != nil {
		return Image{}, err
	}
	found, err := filepath.Glob(filepath.Join(dir, "lib", "modules", "*"))
	if err != nil {
		return Image{}, err
	}
	if len(found) != 1 {
		return Image{}, fmt.Errorf("read kernel in %s: want one folder in lib/modules, found %d: delete it, and it is fetched again", dir, len(found))
	}
	return Image{Kernel: k, Release: filepath.Base(found[0]), dir: dir}, nil
}

var dependsOnImage = regexp.MustCompile(`(?m)^\s*Depends: (linux-image-\S+)$`)

// download unpacks the package behind k into the folder image of work. Where apt's lists are missing or of yesterday, it has them
// read again.
func (k Kernel) download(ctx context.Context, work string) error {
	err := k.downloadListed(ctx, work)
	if err == nil {
		return nil
	}
	if _, failed := output(ctx, work, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=120", "update"); failed != nil {
		return errors.Join(err, failed)
	}
	return k.downloadListed(ctx, work)
}

func (k Kernel) downloadListed(ctx context.Context, work string) error {
	depends, err := output(ctx, work, "apt-cache", "depends", k.Package)
	match := dependsOnImage.FindStringSubmatch(depends)
	if match == nil {
		return errors.Join(err, fmt.Errorf("package %s depends on no kernel: are Debian 12's security updates among apt's sources?", k.Package))
	}
	if _, err := output(ctx, work, "apt-get", "-q", "download", match[1]); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil {
		return err
	}
	if len(archives) != 1 {
		return fmt.Errorf("download of %s left %d packages", match[1], len(archives))
	}
	_, err = output(ctx, work, "dpkg", "-x", archives[0], "image")
	return err
}
