%% The order in which a large map is walked, for keys of several kinds (a release may define it otherwise).
-module(map_order).
-export([main/0]).
main() ->
    [maps:keys(maps:from_list([{K, 0} || K <- lists:seq(1, 40)])),
     maps:keys(maps:from_list([{{K}, 0} || K <- lists:seq(1, 40)])),
     maps:keys(maps:from_list([{integer_to_binary(K), 0} || K <- lists:seq(1, 40)])),
     maps:keys(maps:from_list([{[K], 0} || K <- lists:seq(1, 40)])),
     maps:keys(maps:from_list([{K * 1.0, 0} || K <- lists:seq(1, 40)])),
     maps:keys(maps:from_list([{K bsl 70, 0} || K <- lists:seq(1, 40)]))].
