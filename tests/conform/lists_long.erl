%% Long lists: sorting, reversing, subtracting, folding a million elements. (timing)
-module(lists_long).
-export([main/0]).
main() ->
    N = 100000, L = [(I * 7919) rem 100003 || I <- lists:seq(1, N)], S = lists:sort(L),
    [length(L), erlang:phash2(S), hd(S), lists:last(S), erlang:phash2(lists:reverse(L)), length(lists:usort(L ++ L)), length(lists:seq(1, 2000) -- lists:seq(1, 2000, 2)), lists:sum(L), length(L -- S), lists:foldl(fun erlang:max/2, 0, L),
     erlang:phash2(lists:keysort(2, [{I, I rem 17} || I <- L])), length(lists:flatten([[I, [I]] || I <- L])), lists:member(-1, L), lists:keyfind(-1, 1, [{I} || I <- L]), erlang:phash2(list_to_tuple(L)), length(tuple_to_list(list_to_tuple(L))), iolist_size([I band 255 || I <- L]), byte_size(list_to_binary([I band 255 || I <- L])),
     lists:sum(lists:map(fun(I) -> I * 2 end, lists:seq(1, 1000000))), erlang:phash2(lists:merge(S, lists:seq(1, 1000)))].
