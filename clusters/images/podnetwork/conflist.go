package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
)

const (
	conflistPath = "/etc/cni/net.d/10-kind-labs.conflist"
	// Gone after a reboot, as the Pods are: no address stays taken by a Pod that is not there any more.
	leases = "/run/kind-labs-ipam"
)

type object = map[string]any

// writeConflist gives the container runtime its CNI configuration; the runtime sees the old file or the new one whole.
func writeConflist(pods netip.Prefix) error {
	text, err := conflist(pods, linkMTU("eth0"))
	if err != nil {
		return err
	}
	if present, err := os.ReadFile(conflistPath); err == nil && bytes.Equal(present, text) {
		return nil
	}
	partial := conflistPath + ".partial" // an ending that the runtime does not read
	if err := os.WriteFile(partial, text, 0o644); err != nil {
		return err
	}
	return os.Rename(partial, conflistPath)
}

// conflist: a veth pair for each Pod, addresses of this node's own range, hostPorts.
func conflist(pods netip.Prefix, mtu int) ([]byte, error) {
	return json.MarshalIndent(object{
		"cniVersion": "1.0.0",
		"name":       "kind-labs",
		"plugins": []object{
			{
				"type": "ptp",
				"mtu":  mtu,
				"ipam": object{
					"type":    "host-local",
					"dataDir": leases,
					"routes":  []object{{"dst": "0.0.0.0/0"}},
					"ranges":  [][]object{{{"subnet": pods.String()}}},
				},
			},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}, "", "  ")
}

// linkMTU is what a Pod's packets may measure; 0 lets the kernel choose.
func linkMTU(name string) int {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return 0
	}
	return link.Attrs().MTU
}
