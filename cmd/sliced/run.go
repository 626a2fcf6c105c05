package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/slicegate/slicegate/internal/api"
	"github.com/slicegate/slicegate/internal/api/metrics"
	"github.com/slicegate/slicegate/internal/config"
	"github.com/slicegate/slicegate/internal/lock"
	"github.com/slicegate/slicegate/internal/running"
	"github.com/slicegate/slicegate/internal/task"
	"github.com/slicegate/slicegate/shaper"
)

// options are what the command line says.
type options struct {
	file     string
	flags    config.Flags
	stateDir string
	socket   string
}

const defaultFile = "/etc/slicegate/sliced.toml"

func runCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "run",
		Short: "slice the uplink until stopped; what is shaped stays shaped",
		Long: `Slice the uplink as the configuration file says, or, for one uplink and one venue interface, as flags say.

SIGHUP reloads the file. SIGTERM stops the agent and leaves the shaping in place; "slicectl teardown" takes it away.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("config") && o.flags != (config.Flags{}) {
				return usageError{errors.New("give a file with --config, or an uplink and a venue with flags, not both")}
			}
			return o.run()
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "config", defaultFile, "configuration file")
	f.StringVar(&o.flags.Uplink, "uplink", "", "interface to the Internet, instead of a file")
	f.StringVar(&o.flags.Venue, "venue", "", "interface to the attendees")
	f.StringVar(&o.flags.Download, "download", "", `download rate, such as 95mbit, or "off"`)
	f.StringVar(&o.flags.Upload, "upload", "", `upload rate, such as 19mbit, or "off"`)
	f.StringVar(&o.stateDir, "state-dir", "/var/lib/sliced", "directory for what survives a restart")
	f.StringVar(&o.socket, "socket", "/run/sliced/sliced.sock", "control socket")
	return cmd
}

// own reads the agent's own configuration: from flags where there are some, which are no text.
func (o options) own() (*config.Config, *running.Source, error) {
	if o.flags != (config.Flags{}) {
		file, err := config.FromFlags(o.flags)
		return file, nil, err
	}
	text, err := config.Read(o.file)
	if err != nil {
		return nil, nil, err
	}
	file, err := config.Parse(o.file, text)
	return file, &running.Source{Name: o.file, Text: string(text)}, err
}

func (o options) run() error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	// First of all: a reload that comes early must not be the end.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	state, err := lock.StateDir(o.stateDir)
	if err != nil {
		return err
	}
	defer state.Close()
	clock, err := running.KernelClock()
	if err != nil {
		return err
	}
	r, err := running.New(log, running.Config{StateDir: o.stateDir, Own: o.own, Clock: clock})
	if err != nil {
		return usageError{err}
	}
	netns, err := lock.Netns()
	if err != nil {
		return err
	}
	defer netns.Close()
	s, err := shaper.Open(log, o.stateDir)
	if err != nil {
		return err
	}
	defer s.Close()
	return o.serve(log, &agent{plane: &plane{log: log, shaper: s}, running: r}, hangups)
}

// serve runs all parts until a signal or the failure of one of them ends them.
func (o options) serve(log *slog.Logger, a *agent, hangups <-chan os.Signal) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	control, err := api.NewServer(log, api.ServerConfig{Socket: o.socket, Group: "sliced", ViewGroup: "sliced-view"}, a)
	if err != nil {
		return err
	}
	systemd, err := task.NewSystemd(log, a.Ready(), control.Ready())
	if err != nil {
		return err
	}
	if err := a.running.Start(ctx, a.plane); err != nil {
		return fmt.Errorf("start shaping: %w", err)
	}
	a.scraped = a.running.File().Metrics.Listen
	if a.metrics, err = metrics.New(log, metrics.Config{Listen: a.scraped}, a); err != nil {
		return err
	}
	var g task.Group
	g.Add("shaper", a.shaper)
	g.Add("running configuration", a.running)
	g.Add("control socket", control)
	g.Add("metrics", a.metrics)
	g.Add("systemd", systemd)
	g.Add("reload", task.Func(func(ctx context.Context) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-hangups:
				systemd.Reload(func() { a.running.Reload(ctx) })
			}
		}
	}))
	return g.Run(ctx)
}
