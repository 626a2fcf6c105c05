package nettest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Start starts cmd inside n. Waiting for it and killing it is as with cmd.Start.
func (n *NS) Start(cmd *exec.Cmd) error { return n.Do(cmd.Start) }

// Output runs a program inside n and returns what it wrote to standard output; the error of a failure has its standard error too.
func (n *NS) Output(name string, args ...string) (string, error) {
	return n.run("", name, args...)
}

func (n *NS) run(input, name string, args ...string) (string, error) {
	var out, errs strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := n.Start(cmd); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		said := strings.TrimSpace(out.String() + errs.String())
		return out.String(), fmt.Errorf("run %s %s: %w: %s", name, strings.Join(args, " "), err, said)
	}
	return out.String(), nil
}

// Sysctl writes a sysctl of the namespace, such as net.ipv4.ip_forward. An interface name in key must not have a dot.
func (n *NS) Sysctl(key, value string) error {
	path := filepath.Join("/proc/sys", strings.ReplaceAll(key, ".", "/"))
	return n.Do(func() error {
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return fmt.Errorf("set %s: %w", key, err)
		}
		return nil
	})
}
