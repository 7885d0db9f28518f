// Podnetwork is the Pod network of node images built here: one agent on each node gives the container runtime its CNI
// configuration, routes to the Pods of every other node, masquerades what leaves the Pod network, and enforces
// NetworkPolicies.
package main

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// repairEvery bounds how long a route or rule stays lost that somebody else removed.
	repairEvery = 30 * time.Second
	retryAfter  = time.Second

	kubeletConfig = "/etc/kubernetes/kubelet.conf"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Getenv("NODE_NAME"), os.Getenv("POD_SUBNET")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, self, subnet string) error {
	podSubnet, err := netip.ParsePrefix(subnet)
	if err != nil || self == "" {
		return fmt.Errorf("expected NODE_NAME and POD_SUBNET, found %q and %q", self, subnet)
	}
	client, err := connect()
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	changed, err := watch(
		factory.Core().V1().Nodes().Informer(),
		factory.Networking().V1().NetworkPolicies().Informer(),
	)
	if err != nil {
		return err
	}
	if err := judgePolicies(ctx, client, factory, self); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	next := repairEvery
	for {
		select {
		case <-ctx.Done():
			return divert(context.Background(), podSubnet, false)
		case <-changed:
		case <-time.After(next):
		}
		next = repairEvery
		if err := reconcile(ctx, factory, self, podSubnet); err != nil {
			log.Printf("trying again soon: %v", err)
			next = retryAfter
		}
	}
}

// connect speaks with the API server as this Pod's ServiceAccount, at the address that the node's kubelet uses: the
// Service address in a Pod's environment leads nowhere, or out of the machine, until kube-proxy has made its rules.
func connect() (kubernetes.Interface, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	kubelet, err := clientcmd.LoadFromFile(kubeletConfig)
	if err != nil {
		return nil, err
	}
	for _, cluster := range kubelet.Clusters {
		config.Host = cluster.Server
	}
	config.ContentType = runtime.ContentTypeProtobuf
	return kubernetes.NewForConfig(config)
}

// watch keeps lists of objects current; the channel holds a token while there is something to look at.
func watch(informers ...cache.SharedIndexInformer) (chan struct{}, error) {
	changed := make(chan struct{}, 1)
	look := func(any) {
		select {
		case changed <- struct{}{}:
		default: // a look is due already
		}
	}
	for _, informer := range informers {
		handlers := cache.ResourceEventHandlerFuncs{
			AddFunc:    look,
			UpdateFunc: func(before, after any) { look(after) },
			DeleteFunc: look,
		}
		if _, err := informer.AddEventHandler(handlers); err != nil {
			return nil, err
		}
		if err := informer.SetWatchErrorHandler(tell); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// tell says why a list is not current; the library would tell its log, which is silent here (judgePolicies).
func tell(_ *cache.Reflector, err error) { log.Printf("trying again soon: %v", err) }

func reconcile(ctx context.Context, factory informers.SharedInformerFactory, self string, podSubnet netip.Prefix) error {
	nodes, err := factory.Core().V1().Nodes().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	policies, err := factory.Networking().V1().NetworkPolicies().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	if err := connectPods(ctx, nodes, self, podSubnet); err != nil {
		return err
	}
	return divert(ctx, podSubnet, len(policies) > 0)
}

// connectPods makes this node's part of the Pod network what the nodes of the cluster ask for.
func connectPods(ctx context.Context, nodes []*v1.Node, self string, podSubnet netip.Prefix) error {
	wanted := map[netip.Prefix]netip.Addr{}
	var own netip.Prefix
	for _, node := range nodes {
		pods, address := podsOf(node)
		switch {
		case !pods.IsValid():
		case node.Name == self:
			own = pods
		case address.IsValid():
			wanted[pods] = address
		}
	}
	if !own.IsValid() {
		return fmt.Errorf("node %s has no podCIDR yet", self)
	}
	if err := writeConflist(own); err != nil {
		return err
	}
	if err := setRoutes(wanted); err != nil {
		return err
	}
	return masquerade(ctx, podSubnet)
}

// podsOf is a node's range of Pod addresses and the address at which the node itself answers; invalid where unknown.
func podsOf(node *v1.Node) (netip.Prefix, netip.Addr) {
	pods, _ := netip.ParsePrefix(node.Spec.PodCIDR)
	for _, known := range node.Status.Addresses {
		if known.Type == v1.NodeInternalIP {
			address, _ := netip.ParseAddr(known.Address)
			return pods, address
		}
	}
	return pods, netip.Addr{}
}
