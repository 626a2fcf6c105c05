package capture

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slicegate/slicegate/internal/replay/corpus"
	"github.com/slicegate/slicegate/internal/slice"
)

// Ports that phones take for media: even ones for RTP, the odd one after each for its RTCP.
const (
	phoneFrom = 30000
	phoneTo   = 30098
)

// phoneConf is a phone without sound card, camera or screen.
const phoneConf = `poll_method epoll
sip_listen %s
rtp_ports %d-%d
rtcp_mux no
rtp_tos 184
audio_source ausine,440
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
video_source fakevideo,nil
video_display fakevideo,nil
video_size 320x240
video_bitrate 300000
video_fps 15
module_path /usr/lib/baresip/modules
module g711.so
module opus.so
%smodule ausine.so
module aubridge.so
module fakevideo.so
module stun.so
module turn.so
module ice.so
module srtp.so
module dtls_srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
`

var baresip = tool{"baresip", "baresip-core"}

func phoneRuns() []run {
	sip := rule{match: ports(slice.UDP, sipPort), judge: always(slice.Signalling, "sip", "sip"), atLeast: 2}
	audio := mustCarry(slice.Realtime, call("rtp-audio", "phone call"))
	control := rule{match: phonePorts(1), judge: always(slice.Signalling, "rtcp", "rtcp")}
	return []run{
		{
			name: "phone", about: "calls by SIP, PCMU and VP8 with RTCP each", programs: []tool{baresip},
			act: func(ctx context.Context, p *place) error {
				return phoneCalls(ctx, p, ";audio_codecs=pcmu;video_codecs=vp8")
			},
			rules: []rule{sip, {match: phonePorts(0), judge: pcmuOrVideo, atLeast: 4}, least(control, 4)},
		},
		{
			name: "phone-srtp", about: "calls by SIP, Opus in SRTP and SRTCP", programs: []tool{baresip},
			act: func(ctx context.Context, p *place) error {
				return phoneCalls(ctx, p, ";audio_codecs=opus/48000/2;mediaenc=srtp-mand")
			},
			rules: []rule{sip, {match: phonePorts(0), judge: audio, atLeast: 2}, least(control, 2)},
		},
		{
			name: "phone-ice", about: "calls by SIP, PCMU and VP8 in SRTP keyed by DTLS, with ICE", programs: []tool{baresip},
			act: func(ctx context.Context, p *place) error {
				return phoneCalls(ctx, p, ";audio_codecs=pcmu;video_codecs=vp8;mediaenc=dtls_srtp;medianat=ice")
			},
			rules: []rule{sip, {match: phonePorts(0), judge: pcmuOrVideo, atLeast: 4}, least(control, 4)},
		},
		{
			name: "phone-turn", about: "a call of PCMU through allocations", programs: []tool{baresip, coturn}, act: relayedCall,
			rules: []rule{
				{match: ports(slice.UDP, turnPort), judge: turn("phone call through turn"), atLeast: 2, whole: true},
				{match: phonePorts(0), judge: audio}, control,
			},
		},
	}
}

func least(r rule, n int) rule {
	r.atLeast = n
	return r
}

// phonePorts matches flows of phones whose media port is even (0) or odd (1).
func phonePorts(odd uint16) func(*corpus.Seen) bool {
	mine := func(port uint16) bool { return port >= phoneFrom && port <= phoneTo+1 && port%2 == odd }
	return func(f *corpus.Seen) bool {
		return f.Proto == slice.UDP && (mine(f.Src.Port()) || mine(f.Dst.Port()))
	}
}

// pcmuOrVideo tells a phone's audio, which is PCMU there, from its video.
func pcmuOrVideo(f *corpus.Seen) label {
	const pcmu = 0
	kind := "rtp-video"
	if first(f, func(s corpus.Sighting) bool { return isRTP(s.Payload) && s.Payload[1]&0x7f == pcmu }) > 0 {
		kind = "rtp-audio"
	}
	return mustCarry(slice.Realtime, call(kind, "phone call"))(f)
}

// phone starts a phone on h that answers by itself. extra are parameters of its account.
func (p *place) phone(ctx context.Context, h *host, family int, extra string, args ...string) (*program, error) {
	dir := filepath.Join(h.dir, "home", "phone")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	video := ""
	if strings.Contains(extra, "video_codecs") {
		video = "module vp8.so\n"
	}
	conf := fmt.Sprintf(phoneConf, h.port(family, sipPort), phoneFrom, phoneTo, video)
	account := fmt.Sprintf("<sip:%s@%s>;regint=0;answermode=auto%s\n", h.name, bracketed(h, family), extra)
	for name, text := range map[string]string{"config": conf, "accounts": account} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	p.commands = append(p.commands, h.name+": account "+strings.TrimSpace(account))
	it, err := p.start(h, "baresip", append([]string{"-f", dir, fmt.Sprintf("-%d", family)}, args...)...)
	if err != nil {
		return nil, err
	}
	return it, it.says(ctx, "baresip is ready")
}

// phoneCall has the attendee call another host for a while.
func phoneCall(ctx context.Context, p *place, to *host, family int, theirs, ours string, d time.Duration) error {
	callee, err := p.phone(ctx, to, family, theirs)
	if err != nil {
		return err
	}
	defer callee.stop()
	uri := fmt.Sprintf("sip:%s@%s", to.name, bracketed(to, family))
	caller, err := p.phone(ctx, p.attendee, family, ours, "-e", "/dial "+uri)
	if err != nil {
		return err
	}
	if err := caller.says(ctx, "incoming rtp for 'audio' established"); err != nil {
		return fmt.Errorf("%w; caller: %s; callee: %s", err, caller.lastWords(), callee.lastWords())
	}
	return caller.live(ctx, d)
}

// phoneCalls has the attendee call the server in both families, both phones with the same account.
func phoneCalls(ctx context.Context, p *place, how string) error {
	for _, family := range families {
		if err := phoneCall(ctx, p, p.server, family, how, how, 25*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// relayedCall goes through allocations; the phone knows them over UDP and for IPv4 alone.
func relayedCall(ctx context.Context, p *place) error {
	if err := startTURN(ctx, p); err != nil {
		return err
	}
	const codec = ";audio_codecs=pcmu"
	nat := fmt.Sprintf(";medianat=turn;stunserver=turn:%s;stunuser=%s;stunpass=%s", p.server.port(4, turnPort), turnUser, turnPassword)
	return phoneCall(ctx, p, p.guest, 4, codec, codec+nat, 25*time.Second)
}
