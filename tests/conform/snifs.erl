%% The runtime's own functions in this release, also of modules that are not loaded: those of later releases are not among them.
-module(snifs).
-export([main/0]).

main() ->
    All = erlang:system_info(snifs),
    Modules = [re, erts_debug, erts_internal, binary, ets, unicode, os, persistent_term, atomics, counters, maps, lists, string, math, code],
    [{M, lists:sort([{F, A} || {M0, F, A} <- All, M0 =:= M])} || M <- Modules].
