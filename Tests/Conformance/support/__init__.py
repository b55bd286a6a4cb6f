"""Tools of the conformance tests: clients, a broker of one's own, group members, a cutting proxy, raw frames."""
