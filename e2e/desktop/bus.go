package desktop

import (
	"context"
	"strings"
	"time"
)

// startBus starts a session bus. Its configuration names no service folders, so
// that nothing is started by being asked for: a test gets the keyring it chose.
func (d *Desktop) startBus() {
	d.t.Helper()
	config := d.File("session-bus.conf", `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=`+d.dir+`/run</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`)
	bus := d.Start(d.Env(), d.need("dbus-daemon"), "--nofork", "--print-address=1", "--config-file="+config)
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
	defer cancel()
	address, ok := bus.Stdout.Line(ctx, func(line string) bool { return strings.HasPrefix(line, "unix:") })
	if !ok {
		d.t.Fatalf("the session bus did not start:\n%s", bus.Stderr)
	}
	d.set("DBUS_SESSION_BUS_ADDRESS", address)
}

// startKeyring starts a Secret Service with an unlocked, empty collection.
func (d *Desktop) startKeyring() {
	d.t.Helper()
	d.start(d.Env(), strings.NewReader("pass"), d.need("gnome-keyring-daemon"), "--foreground", "--unlock", "--components=secrets")
	d.until(20*time.Second, "the Secret Service is on the bus", func() bool {
		answer := d.Run(d.Env(), d.need("dbus-send"), "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
			"org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets")
		return strings.Contains(answer.Stdout, "boolean true")
	})
}
