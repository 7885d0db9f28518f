package main

import (
	"context"
	"log"
	"net/netip"
	"strings"

	"github.com/go-logr/logr"
	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
	"sigs.k8s.io/knftables"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

const (
	policyTable = "kind-labs-policies"
	judge       = "judge"
	queue       = 102

	// noTable is longer than a name of the kernel's may be: the engine's own rules need nft's queue, which not every
	// kernel has, and where it is there they would have every packet judged twice.
	noTable = 256
)

// judgePolicies has the engine of kindnet (sigs.k8s.io/kube-network-policies) judge the packets that divert sends it.
// From the container runtime it learns of a Pod's address before the API server does. Its log is shut, because it
// complains there of its own rules whenever a policy changes.
func judgePolicies(ctx context.Context, client kubernetes.Interface, factory informers.SharedInformerFactory, self string) error {
	klog.SetLogger(logr.Discard())
	core := factory.Core().V1()
	engine, err := networkpolicy.NewController(
		client, factory.Networking().V1().NetworkPolicies(), core.Namespaces(), core.Pods(), nil, nil, nil, nil,
		networkpolicy.Config{FailOpen: true, QueueID: queue, NodeName: self, NFTableName: strings.Repeat("x", noTable)},
	)
	if err != nil {
		return err
	}
	go func() {
		if err := engine.Run(ctx); err != nil {
			log.Printf("NetworkPolicies are not enforced: %v", err)
		}
	}()
	return nil
}

// divert sends the first packet of every connection from and to Pods to the engine; false lets them all pass.
//
// As in kindnet: where each packet's last address is known, before the sender's is translated; what root sends on the
// node passes (the kubelet's probes). Names are asked for in two packets at once, of which kernels before 6.12 lose one
// that waits there (netfilter's bug 1766): those are judged earlier, each of them.
func divert(ctx context.Context, podSubnet netip.Prefix, isOn bool) error {
	nft, err := knftables.New(knftables.IPv4Family, policyTable)
	if err != nil {
		return err
	}
	change := nft.NewTransaction()
	change.Add(&knftables.Table{})
	if !isOn {
		change.Delete(&knftables.Table{})
		return nft.Run(ctx, change)
	}
	pods := podSubnet.String()
	change.Add(&knftables.Chain{Name: judge})
	chain(change, "prerouting", knftables.PreroutingHook, knftables.DNATPriority+"+5",
		"udp dport 53 ip saddr "+pods+" jump "+judge,
		"udp dport 53 ip daddr "+pods+" jump "+judge,
	)
	chain(change, "postrouting", knftables.PostroutingHook, knftables.SNATPriority+"-5",
		"udp dport 53 accept",
		"meta skuid 0 accept",
		"ct state established,related accept",
		"ip saddr "+pods+" jump "+judge,
		"ip daddr "+pods+" jump "+judge,
	)
	if err := nft.Run(ctx, change); err != nil {
		return err
	}
	return sendToQueue()
}

// chain makes a chain of a hook hold these rules and no others.
func chain(change *knftables.Transaction, name string, hook knftables.BaseChainHook, priority knftables.BaseChainPriority, rules ...string) {
	filter := knftables.FilterType
	change.Add(&knftables.Chain{Name: name, Type: &filter, Hook: &hook, Priority: &priority})
	change.Flush(&knftables.Chain{Name: name})
	for _, rule := range rules {
		change.Add(&knftables.Rule{Chain: name, Rule: rule})
	}
}

// sendToQueue makes the chain judge a jump to the engine's queue, by the target of iptables: every kernel that runs
// kube-proxy can load that, where nft's own queue is an option of its own. Packets pass while nobody reads the queue.
func sendToQueue() error {
	const bypass = 1
	var info xt.Unknown // struct xt_NFQ_info_v3 and its padding: queue, number of queues, flags
	for _, value := range []uint16{queue, 1, bypass, 0} {
		info = append(info, binaryutil.NativeEndian.PutUint16(value)...)
	}
	kernel, err := nftables.New()
	if err != nil {
		return err
	}
	table := &nftables.Table{Name: policyTable, Family: nftables.TableFamilyIPv4}
	chain := &nftables.Chain{Name: judge, Table: table}
	kernel.FlushChain(chain)
	kernel.AddRule(&nftables.Rule{
		Table: table,
		Chain: chain,
		Exprs: []expr.Any{&expr.Target{Name: "NFQUEUE", Rev: 3, Info: &info}},
	})
	return kernel.Flush()
}
