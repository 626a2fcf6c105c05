package capture

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slicegate/slicegate/internal/slice"
)

// codec is a stream that GStreamer makes: how, and what the other end is told of it.
type codec struct {
	name   string
	source string
	depay  string
	caps   string
}

const (
	tone  = "audiotestsrc is-live=true wave=ticks ! audioconvert ! audioresample ! "
	movie = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! "
)

var audioCodecs = []codec{
	{"opus", tone + "opusenc ! rtpopuspay", "rtpopusdepay", "audio,encoding-name=OPUS,payload=96,clock-rate=48000"},
	{"pcmu", tone + "mulawenc ! rtppcmupay", "rtppcmudepay", "audio,encoding-name=PCMU,payload=0,clock-rate=8000"},
	{"pcma", tone + "alawenc ! rtppcmapay min-ptime=20000000 max-ptime=20000000", "rtppcmadepay", "audio,encoding-name=PCMA,payload=8,clock-rate=8000"},
	{"l16", tone + "rtpL16pay max-ptime=5000000", "rtpL16depay", "audio,encoding-name=L16,payload=96,clock-rate=44100,channels=1"},
}

var videoCodecs = []codec{
	{"vp8", movie + "vp8enc deadline=1 target-bitrate=300000 ! rtpvp8pay", "rtpvp8depay", "video,encoding-name=VP8,payload=96,clock-rate=90000"},
	{"h264", movie + "x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 ! rtph264pay", "rtph264depay",
		"video,encoding-name=H264,payload=96,clock-rate=90000"},
	{"vp9", movie + "vp9enc deadline=1 cpu-used=8 target-bitrate=200000 ! rtpvp9pay", "rtpvp9depay", "video,encoding-name=VP9,payload=96,clock-rate=90000"},
}

// rtpBase is the first stream's port; its RTCP has the next one, the answers the one after that, and the next stream 10 more.
const rtpBase = 20000

func rtpRuns() []run {
	return []run{
		rtpRun("rtp-audio", "audio of several codecs, up in one family and down in the other, with RTCP", audioCodecs),
		rtpRun("rtp-video", "video of several codecs, up in one family and down in the other, with RTCP", videoCodecs),
	}
}

func rtpRun(kind, about string, codecs []codec) run {
	var media, control []uint16
	for i := range 2 * len(codecs) {
		port := uint16(rtpBase + 10*i)
		media = append(media, port)
		control = append(control, port+1, port+2)
	}
	return run{
		name: "gst-" + kind, about: about, programs: []tool{{"gst-launch-1.0", "gstreamer1.0-tools"}},
		act: func(ctx context.Context, p *place) error { return play(ctx, p, codecs) },
		rules: []rule{
			{match: ports(slice.UDP, media...), judge: always(slice.Realtime, kind, "rtp"), atLeast: len(media)},
			{match: ports(slice.UDP, control...), judge: always(slice.Signalling, "rtcp", "rtcp"), atLeast: len(control)},
		},
	}
}

// play sends all codecs at once: RTCP is slow, it comes every five seconds.
func play(ctx context.Context, p *place, codecs []codec) error {
	port := rtpBase
	for _, c := range codecs {
		for _, family := range families {
			from, to := p.attendee, p.server
			if family == 6 {
				from, to = to, from
			}
			if err := p.stream(ctx, c, from, to, family, port); err != nil {
				return fmt.Errorf("play %s: %w", c.name, err)
			}
			port += 10
		}
	}
	return p.alive(ctx, 28*time.Second)
}

func (p *place) stream(ctx context.Context, c codec, from, to *host, family, port int) error {
	listen := map[int]string{4: "0.0.0.0", 6: "::"}[family]
	receive := fmt.Sprintf("rtpbin name=b udpsrc address=%s port=%d caps=\"application/x-rtp,media=%s\" ! b.recv_rtp_sink_0 b. ! %s ! fakesink "+
		"udpsrc address=%[1]s port=%[5]d ! b.recv_rtcp_sink_0 b.send_rtcp_src_0 ! udpsink host=%[6]s port=%[7]d sync=false async=false",
		listen, port, c.caps, c.depay, port+1, from.addr(family), port+2)
	send := fmt.Sprintf("rtpbin name=b %s ! b.send_rtp_sink_0 b.send_rtp_src_0 ! udpsink host=%s port=%d "+
		"b.send_rtcp_src_0 ! udpsink host=%[2]s port=%[4]d sync=false async=false udpsrc address=%[5]s port=%[6]d ! b.recv_rtcp_sink_0",
		c.source, to.addr(family), port, port+1, listen, port+2)
	if _, err := p.start(to, "gst-launch-1.0", pipeline(receive)...); err != nil {
		return err
	}
	if err := p.listening(ctx, to, "udp", uint16(port)); err != nil {
		return err
	}
	_, err := p.start(from, "gst-launch-1.0", pipeline(send)...)
	return err
}

// pipeline splits a description as a shell would.
func pipeline(text string) []string {
	return append([]string{"-q"}, strings.Fields(strings.ReplaceAll(text, `"`, ""))...)
}

// alive waits, and wants nothing that was started to have ended badly.
func (p *place) alive(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
	}
	return p.obituary()
}
