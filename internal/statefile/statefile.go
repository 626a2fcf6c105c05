package statefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace makes data, with the permissions perm, what the file at path holds.
func Replace(path string, data []byte, perm fs.FileMode) error {
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir) // "" is the current one, and not the one for temporary files
	f, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(perm), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// syncDir makes a rename in a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
