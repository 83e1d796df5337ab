# Waybill. `make run` and `make test` are the whole set-up; `make` lists the rest.

# One set of flags for everything that is compiled in one go: the OpenGL
# bindings are rebuilt for every change of it, and that takes minutes.
# gles draws through OpenGL ES, whose bindings build in a third of the time;
# releases (make build, make package) use desktop OpenGL.
QUICK_TAGS   := gles,migrated_fynedo
RELEASE_TAGS := migrated_fynedo
LDFLAGS      := -s -w

# What the person's own set-up has in these would change what is built.
export GOFLAGS := -buildvcs=false
export GOWORK  := off
unexport GOOS GOARCH

.PHONY: help run build headless test check check-slow planted ci bench package deps combinations lint format clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

run: ## install what is missing, build, and open the app (in the terminal where there is no display)
	@scripts/run

build: ## build the app as it is released: dist/waybill
	@scripts/setup go window
	CGO_ENABLED=1 go build -trimpath -tags $(RELEASE_TAGS) -ldflags '$(LDFLAGS)' -o dist/waybill .

headless: ## build the app without its window, without cgo: dist/waybill-headless
	@scripts/setup go
	CGO_ENABLED=0 go build -trimpath -tags headless -ldflags '$(LDFLAGS)' -o dist/waybill-headless .

test: ## install what is missing and run every test, the one with a real window and browser too
	@scripts/check test

check: ## the tests that need neither a screen, a browser nor a keyring
	@scripts/check quick

check-slow: ## what takes long: all histories of the model tests, all fuzz targets (SLOW=minutes for each target)
	@scripts/check slow

planted: ## plant known bugs, one at a time: the tests have to find each of them
	@scripts/check planted

ci: ## everything that CI runs: make test, the planted bugs, the foreign peers, the package
	@scripts/check ci

bench: ## start, memory and size beside a bare Fyne list; round trips beside the MCP SDK's own handler
	@scripts/bench

package: ## the archive for Linux: dist/Waybill.tar.xz
	@scripts/package

deps: ## install what the other steps need, and nothing else
	@scripts/setup go window test peers package

combinations: ## try every combination of client authentication, subject, resource and DPoP, and write the table in docs/CONNECTIONS.md
	@scripts/setup go
	WAYBILL_COMBINATIONS=$(CURDIR)/docs/CONNECTIONS.md go test -count=1 -tags headless -run TestEveryCombinationReachesTheToDos ./session

lint: ## gofmt, go vet, staticcheck
	@scripts/check lint

format: ## gofmt on everything
	@gofmt -w $$(git ls-files '*.go')

clean: ## remove what was built
	rm -rf dist .cache waybill
