package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ours marks the routes that this agent made, so that it removes no others.
const ours netlink.RouteProtocol = 75

// setRoutes makes the kernel's routes of ours exactly these: Pod range to the node that has it.
func setRoutes(wanted map[netip.Prefix]netip.Addr) error {
	var failures []error
	for pods, via := range wanted {
		if err := netlink.RouteReplace(route(pods, via)); err != nil {
			failures = append(failures, fmt.Errorf("route to %s via %s: %w", pods, via, err))
		}
	}
	present, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: ours}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return err
	}
	for _, stale := range present {
		if _, keep := wanted[prefixOf(stale.Dst)]; keep {
			continue
		}
		if err := netlink.RouteDel(&stale); err != nil && !errors.Is(err, unix.ESRCH) {
			failures = append(failures, fmt.Errorf("remove route to %s: %w", stale.Dst, err))
		}
	}
	return errors.Join(failures...)
}

func route(pods netip.Prefix, via netip.Addr) *netlink.Route {
	return &netlink.Route{
		Dst:      &net.IPNet{IP: pods.Addr().AsSlice(), Mask: net.CIDRMask(pods.Bits(), pods.Addr().BitLen())},
		Gw:       via.AsSlice(),
		Protocol: ours,
	}
}

func prefixOf(network *net.IPNet) netip.Prefix {
	if network == nil {
		return netip.Prefix{}
	}
	address, _ := netip.AddrFromSlice(network.IP)
	bits, _ := network.Mask.Size()
	return netip.PrefixFrom(address.Unmap(), bits)
}
