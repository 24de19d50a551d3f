%% What nothing is appended to is the same term (25 only).
-module(bits_append_none).
-export([main/0]).

main() -> N = id(<<"123">>), E = id(<<>>), erts_debug:same(N, <<N/binary, E/binary>>).

id(X) -> X.
