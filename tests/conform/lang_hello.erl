%% The least that runs: constants of every kind.
-module(lang_hello).
-export([main/0]).
main() -> {hello, world, 1, -1, 2.5, "text", <<"binary">>, [], [a | b], {}, #{k => v}, $c, 16#ff, 2#101, 1_000, 'quoted atom', [[[]]]}.
