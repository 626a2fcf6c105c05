package bpf

// The objects are committed; making them again takes clang 14 and libbpf's headers, and is what "make generate" does.
//
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-14 -strip llvm-strip-14 -go-package bpf -target bpfel,bpfeb -cflags "$BPF_INCLUDES -O2 -g -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare" -type settings -type flow -type flow_key -type verdict -type pin -type device -type device_key -type direction_bytes -type last_seen -type heavy_queues -type device_limit -type counter -type drop_count -type prefix -type prefix_key -type layout_info -type rank -type kind -type fault -type bound -type layout_version dataplane src/dataplane.bpf.c
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-14 -strip llvm-strip-14 -go-package bpf -target bpfel,bpfeb -cflags "$BPF_INCLUDES -O2 -g -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-parameter" -type shaper_key -type delay_histogram -type delay_bound delay src/delay.bpf.c
