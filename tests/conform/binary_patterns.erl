%% A compiled pattern goes with the kind that it was given: one string or several.
-module(binary_patterns).
-export([main/0]).
main() ->
    {bm, B} = binary:compile_pattern([<<1, 2, 3>>]), {ac, A} = binary:compile_pattern([<<1, 2, 3>>, <<4, 5>>]),
    [try binary:match(<<1, 2, 3>>, P) catch error:E -> E end || P <- [{bm, B}, {ac, A}, {bm, A}, {ac, B}, {bm, make_ref()}, {xx, B}]].
