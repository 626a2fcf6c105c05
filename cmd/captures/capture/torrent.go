package capture

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

//go:embed torrent.py
var torrentScript string

const (
	torrentPort = 6881
	trackerPort = 6969
)

func torrentRuns() []run {
	return []run{
		{
			name: "torrent-utp", about: "a download by uTP, and the DHT of three clients",
			programs: []tool{{"torrent.py", "python3-libtorrent"}, {"transmission-create", "transmission-cli"}}, act: utp,
			rules: []rule{{match: ports(slice.UDP, torrentPort), judge: always(media, unknown, "bittorrent utp and dht"), atLeast: 4}},
		},
		{
			name: "torrent-mixed", about: "a download by two clients from a third, by uTP and TCP",
			programs: []tool{{"transmission-cli", "transmission-cli"}, {"aria2c", "aria2"}}, act: swarm,
			rules: []rule{
				{match: ports(slice.TCP, torrentPort), judge: always(media, unknown, "bittorrent"), atLeast: 1},
				{match: ports(slice.UDP, torrentPort), judge: always(media, unknown, "bittorrent utp and dht"), atLeast: 1},
			},
		},
	}
}

// makeTorrent makes a torrent of the place's large page, announced at a tracker of ours.
func (p *place) makeTorrent(ctx context.Context) (path string, err error) {
	if err := p.makePages(); err != nil {
		return "", err
	}
	path = filepath.Join(p.dir, "bulk.torrent")
	tracker := fmt.Sprintf("http://%s/announce", p.server.port(4, trackerPort))
	err = p.run(ctx, p.server, "transmission-create", "-o", path, "-s", "32", "-t", tracker, filepath.Join(p.dir, "www", "bulk"))
	return path, err
}

func utp(ctx context.Context, p *place) error {
	torrent, err := p.makeTorrent(ctx)
	if err != nil {
		return err
	}
	script, err := p.file("torrent.py", torrentScript)
	if err != nil {
		return err
	}
	start := func(h *host, family int, folder string, options ...string) (*program, error) {
		args := append([]string{script, h.addr(family), strconv.Itoa(torrentPort), filepath.Join(p.dir, folder)}, options...)
		it, err := p.start(h, "/usr/bin/python3", args...)
		if err != nil {
			return nil, err
		}
		return it, it.says(ctx, "up")
	}
	for _, family := range families {
		seed, err := start(p.server, family, "www", "torrent="+torrent)
		if err != nil {
			return err
		}
		node := "node=" + p.server.addr(family)
		third, err := start(p.guest, family, "guest/home", node)
		if err != nil {
			return err
		}
		folder := fmt.Sprintf("attendee/home/utp%d", family)
		load, err := start(p.attendee, family, folder, "torrent="+torrent, "peer="+p.server.addr(family), node)
		if err != nil {
			return err
		}
		if err := load.wait(ctx); err != nil {
			return err
		}
		third.stop()
		seed.stop()
	}
	return nil
}

// swarm has two clients of different make load from a third.
func swarm(ctx context.Context, p *place) error {
	torrent, err := p.makeTorrent(ctx)
	if err != nil {
		return err
	}
	if err := p.startTracker(ctx); err != nil {
		return err
	}
	common := []string{"-p", strconv.Itoa(torrentPort), "-M", "-u", "250"}
	seed := append(common, "-g", filepath.Join(p.dir, "server/home/seed"), "-w", filepath.Join(p.dir, "www"), torrent)
	if _, err := p.start(p.server, "transmission-cli", seed...); err != nil {
		return err
	}
	if err := p.listening(ctx, p.server, "tcp", torrentPort); err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // for its announcement
	load := append(common, "-g", filepath.Join(p.dir, "guest/home/load"), "-w", filepath.Join(p.dir, "guest/home"), torrent)
	if _, err := p.start(p.guest, "transmission-cli", load...); err != nil {
		return err
	}
	err = p.run(ctx, p.attendee, "aria2c", "-d", filepath.Join(p.dir, "attendee/home"), "--seed-time=0",
		"--listen-port="+strconv.Itoa(torrentPort), "--dht-listen-port="+strconv.Itoa(torrentPort),
		"--dht-file-path="+filepath.Join(p.dir, "attendee/home/dht.dat"),
		"--dht-entry-point="+p.server.port(4, torrentPort), "--bt-stop-timeout=60", torrent)
	return err
}

// startTracker starts a tracker on the server, which tells everybody of everybody.
func (p *place) startTracker(ctx context.Context) error {
	var listener net.Listener
	err := p.server.Do(func() (err error) {
		listener, err = net.Listen("tcp4", fmt.Sprintf(":%d", trackerPort))
		return err
	})
	if err != nil {
		return err
	}
	p.background(ctx, func(ctx context.Context) error { return serve(ctx, listener, &tracker{}) })
	return nil
}

// tracker answers announcements (BEP 3, BEP 23).
type tracker struct {
	mu    sync.Mutex // guards peers
	peers []netip.AddrPort
}

func (t *tracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	port, err2 := strconv.ParseUint(r.FormValue("port"), 10, 16)
	if err != nil || err2 != nil {
		http.Error(w, "no port", http.StatusBadRequest)
		return
	}
	peer := netip.AddrPortFrom(from.Addr(), uint16(port))
	var compact []byte
	known := false
	for _, other := range t.peers {
		if other == peer {
			known = true
			continue
		}
		b := other.Addr().As4()
		compact = append(compact, b[:]...)
		compact = append(compact, byte(other.Port()>>8), byte(other.Port()))
	}
	if !known {
		t.peers = append(t.peers, peer)
	}
	fmt.Fprintf(w, "d8:intervali5e5:peers%d:%se", len(compact), compact)
}
