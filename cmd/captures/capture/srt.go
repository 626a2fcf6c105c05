package capture

import (
	"context"
	"strconv"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

const srtPort = 9000

func srtRuns() []run {
	return []run{{
		name: "srt", about: "a transport stream, in the clear and encrypted",
		programs: []tool{{"srt-live-transmit", "srt-tools"}, {"gst-launch-1.0", "gstreamer1.0-tools"}},
		act:      srt, rules: []rule{{match: portRange(slice.UDP, srtPort, srtPort+9), judge: always(media, unknown, "srt"), atLeast: 4}},
	}}
}

// srt carries video from the attendee to the server.
func srt(ctx context.Context, p *place) error {
	port := uint16(srtPort)
	for _, family := range families {
		for _, query := range []string{"", "&passphrase=0123456789abc&pbkeylen=16"} {
			if err := srtOnce(ctx, p, family, port, query); err != nil {
				return err
			}
			port++
		}
	}
	return nil
}

func srtOnce(ctx context.Context, p *place, family int, port uint16, query string) error {
	const local = "udp://127.0.0.1:5000"
	site := "srt://" + p.server.port(family, port)
	if _, err := p.start(p.server, "srt-live-transmit", "-q", site+"?mode=listener"+query, local); err != nil {
		return err
	}
	if err := p.listening(ctx, p.server, "udp", port); err != nil {
		return err
	}
	sender, err := p.start(p.attendee, "srt-live-transmit", "-q", "udp://127.0.0.1:"+strconv.Itoa(int(port)), site+"?mode=caller"+query)
	if err != nil {
		return err
	}
	defer sender.stop()
	source := []string{"videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=240,framerate=25/1", "!",
		"x264enc", "bitrate=600", "tune=zerolatency", "speed-preset=ultrafast", "!", "mpegtsmux", "alignment=7", "!",
		"udpsink", "host=127.0.0.1", "port=" + strconv.Itoa(int(port))}
	return p.runFor(ctx, 4*time.Second, p.attendee, "gst-launch-1.0", append([]string{"-q"}, source...)...)
}
