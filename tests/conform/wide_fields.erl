%% Fields: wider than integers may be, sizes that are no sizes (also the atom all in a variable).
-module(wide_fields).
-export([main/0]).
-compile([no_ssa_opt, no_bsm_opt]).

main() ->
    A = <<0:((1 bsl 27) - 8), $A, 1:1, "gurka", $A>>,
    All = id(all),
    [bit_size(skip(A)),
     catch var(id(<<>>), All), catch var(id(<<1, 2>>), All), catch var(id(<<1, 2>>), 1), catch whole(id(<<1, 2>>)),
     catch (id(#{}))#{42.0 := v, 42 := w},
     shown(catch erlang:error(function_clause, [x | y])), shown(catch erlang:error(function_clause, nolist))].

skip(<<_:(1 bsl 27), T/bits>>) -> T.
var(B, Size) -> case B of <<X:Size/binary>> -> X; <<X:Size/binary, _/bits>> -> {part, X}; _ -> no_match end.
whole(<<X/binary>>) -> X.
shown({'EXIT', {R, [{M, F, A, _} | _]}}) -> {R, M, F, A}.
id(X) -> X.
