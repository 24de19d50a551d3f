%% Both zeros: one value before release 27, two for exact comparison since.
-module(float_zeros).
-export([main/0]).
main() ->
    P = id(0.0), N = P * id(-1),
    [float_to_list(N, [short]), N =:= P, N == P, N < P, {1, [N]} =:= {1, [P]}, float_to_list(abs(N), [short]), case N of 0.0 -> zero; _ -> other end,
     map_size(#{P => 1, N => 2}), is_map_key(N, #{P => 1}), length(lists:usort([N, P])), maps:is_key(N, maps:from_list([{float(X), X} || X <- lists:seq(0, 50)])),
     [begin T = ets:new(t, [K]), ets:insert(T, {P, 1}), ets:member(T, N) end || K <- [set, ordered_set]]].
id(X) -> X.
