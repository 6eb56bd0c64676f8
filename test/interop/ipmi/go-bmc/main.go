// A BMC by go-ipmi, which shares nothing with Ingot and speaks cipher suite 17: the one thing that no BMC of Debian's
// does. On a free port of loopback, which it writes to standard output; its console sends back what is typed.
//
// Usage: go-bmc SUITES [K_G], such as `go-bmc 17` or `go-bmc 3,17 twenty-characters-kg`.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/clock"
	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/hal/mock"
	"github.com/bougou/go-ipmi/pkg/server"
	"github.com/bougou/go-ipmi/pkg/transport/udp"
	"github.com/bougou/go-ipmi/pkg/types"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	hardware := mock.New()
	hardware.SetConsole(&echo{})
	fru, err := types.PackFRU(types.FRUPackConfig{
		Product: &types.FRUPackProduct{Manufacturer: "Maker", Name: "Machine", Version: "v2", Serial: "SER-0042"},
	})
	if err != nil {
		return err
	}
	if err := hardware.Storage().FRU().Write(ctx, 0, fru); err != nil {
		return err
	}

	options := []bmc.Option{bmc.WithClock(clock.Real)}
	if len(args) > 1 {
		options = append(options, bmc.WithKG([]byte(args[1])))
	}
	info := bmc.DeviceInfo{
		DeviceID: 32, DeviceRevision: 1, FirmwareMajor: 1, FirmwareMinor: 2, IPMIVersion: 0x20,
		ManufacturerID: 0x0157, ProductID: 7, AdditionalDeviceSupport: 0x39,
	}
	guid := [16]byte{0xa2, 0xf5, 0xb6, 0xd1, 0x3c, 0x0f, 0x02, 0x4e, 0x9a, 0x7b, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66}
	machine := bmc.New(info, guid, hardware, options...)
	suites, err := suitesOf(args[0])
	if err != nil {
		return err
	}
	machine.SetCipherSuites(suites)
	for id, name := range []string{2: "admin", 3: "oper", 4: "looker"} {
		if name == "" {
			continue
		}
		user, err := machine.Users.Add(uint8(id), name)
		if err != nil {
			return err
		}
		user.SetPassword([]byte("secretpw"))
		user.Enabled = true
		level := []bmc.PrivilegeLevel{
			2: bmc.PrivilegeLevelAdministrator, 3: bmc.PrivilegeLevelOperator, 4: bmc.PrivilegeLevelUser,
		}[id]
		user.ChannelAccess[1] = bmc.UserChannelAccess{MaxPrivilege: level, Enabled: true}
	}

	socket, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	defer socket.Close()
	listening := server.NewServer(machine, socket)
	go func() {
		<-ctx.Done()
		listening.Close()
	}()
	fmt.Printf("listening on %s\n", socket.LocalAddr())
	if err := listening.Serve(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func suitesOf(text string) ([]types.CipherSuiteID, error) {
	var suites []types.CipherSuiteID
	for _, part := range strings.Split(text, ",") {
		number, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return nil, err
		}
		suites = append(suites, types.CipherSuiteID(number))
	}
	return suites, nil
}

// echo is a serial console whose other end sends back what it gets.
type echo struct {
	mu      sync.Mutex
	pending bytes.Buffer
}

func (e *echo) Open(context.Context) (hal.ConsoleConn, error) { return e, nil }

func (e *echo) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pending.Write(p)
}

func (e *echo) ReadAvailable(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	count, _ := e.pending.Read(p)
	return count, nil
}

func (e *echo) Close() error { return nil }

func (e *echo) SendBreak(context.Context) error { return hal.ErrNotSupported }
