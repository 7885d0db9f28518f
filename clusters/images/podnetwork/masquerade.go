package main

import (
	"context"
	"net/netip"

	"sigs.k8s.io/knftables"
)

// masquerade lets Pods speak with what lies outside the Pod network under their node's address; between Pods, on
// whichever nodes, the sender's own address stays.
func masquerade(ctx context.Context, podSubnet netip.Prefix) error {
	nft, err := knftables.New(knftables.IPv4Family, "kind-labs-network")
	if err != nil {
		return err
	}
	change := nft.NewTransaction()
	change.Add(&knftables.Table{})
	chain := &knftables.Chain{
		Name:     "postrouting",
		Type:     knftables.PtrTo(knftables.NATType),
		Hook:     knftables.PtrTo(knftables.PostroutingHook),
		Priority: knftables.PtrTo(knftables.SNATPriority),
	}
	change.Add(chain)
	change.Flush(chain)
	pods := podSubnet.String()
	change.Add(&knftables.Rule{
		Chain: chain.Name,
		Rule:  knftables.Concat("ip saddr", pods, "ip daddr !=", pods, "masquerade"),
	})
	return nft.Run(ctx, change)
}
