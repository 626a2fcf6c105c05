package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Origin is what a run's figures were measured with: they hold for one build, one kernel and one qemu. The zero Origin is of a file that
// does not say.
type Origin struct {
	Kernels  []string  `json:"kernels"`            // uname -r, the newest first
	Commit   string    `json:"commit,omitempty"`   // of the module; empty if git does not tell
	Modified bool      `json:"modified,omitempty"` // since that commit, docs aside
	Qemu     string    `json:"qemu"`               // version
	Date     time.Time `json:"date"`               // of the run's begin
}

// Origin says what figures of grids would be measured with now.
func (b *Bench) Origin(ctx context.Context, grids []Grid) (Origin, error) {
	o := Origin{Date: time.Now().UTC().Truncate(time.Second)}
	var names []string
	for _, g := range grids {
		names = append(names, g.Kernel)
	}
	images, err := b.images(ctx, names)
	if err != nil {
		return o, err
	}
	for _, k := range slices.Backward(Kernels) {
		if image, ok := images[k.Name]; ok {
			o.Kernels = append(o.Kernels, image.Release)
		}
	}
	version, err := output(ctx, "", emulator, "--version")
	if err != nil {
		return o, err
	}
	line, _, _ := strings.Cut(version, "\n")
	o.Qemu = strings.TrimPrefix(line, "QEMU emulator version ")
	o.Commit, o.Modified = commit(ctx, b.Module)
	return o, nil
}

// commit asks git, and not what the go command stamped: that is of the command that runs guests, nothing in a worktree, and modified after
// each run that has written the document. Without git, or a repository, the commit is unknown.
func commit(ctx context.Context, module string) (id string, modified bool) {
	head, err := output(ctx, module, "git", "rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "", false
	}
	changes, err := output(ctx, module, "git", "--no-optional-locks", "status", "--porcelain", "--", ".", ":!docs")
	if err != nil {
		return "", false
	}
	return strings.TrimSpace(head), changes != ""
}

// String ends a sentence about figures.
func (o Origin) String() string {
	if o.Qemu == "" {
		return "with what their file does not say"
	}
	build := "an unknown commit"
	if o.Commit != "" {
		build = "commit " + o.Commit
	}
	if o.Modified {
		build += ", modified"
	}
	return fmt.Sprintf("on %s at %s, on Linux %s, in qemu %s", o.Date.Format(time.DateOnly), build, strings.Join(o.Kernels, " and "), o.Qemu)
}

// originWords say what figures of some runs were measured with. Runs with the same are told together.
func originWords(origins []Origin) string {
	switch len(origins) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("\nMeasured %s.\n", origins[0])
	}
	var lines []string
	runs := make(map[string]int)
	for _, o := range origins {
		line := o.String()
		if runs[line]++; runs[line] == 1 {
			lines = append(lines, line)
		}
	}
	text := fmt.Sprintf("\nMeasured in %d runs:\n\n", len(origins))
	for _, line := range lines {
		text += fmt.Sprintf("- %d %s\n", runs[line], line)
	}
	return text
}
