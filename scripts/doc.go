// Package scripts holds the scripts behind the Makefile; its tests run them on
// machines that lack something.
//
// Invariant: a script that cannot go on says in plain words what is missing and
// how to get it, and changes nothing.
package scripts
