%% persistent_term: put, get, erase, refusals; values stay whole for those who hold them.
-module(persistent_all).
-export([main/0]).
-compile([nowarn_unused_vars]).
%% What came out, or the exception with its cause and the words that OTP's formatter finds for it.
e(F) ->
    try F() catch C:R:St ->
        [{M, Fn, A, Info} | _] = St,
        case proplists:get_value(error_info, Info) of
            #{module := By} = EI -> {C, R, M, Fn, maps:get(cause, EI, none), try By:format_error(R, [{M, Fn, A, Info}]) catch _:_ -> none end};
            EI -> {C, R, M, Fn, EI}
        end
    end.
main() ->
    
    [e(fun() -> persistent_term:put(k,{a,"b"}) end),
     e(fun() -> persistent_term:get(k) end),
     e(fun() -> persistent_term:get(nokey) end),
     e(fun() -> persistent_term:get(nokey,d) end),
     e(fun() -> persistent_term:erase(k) end),
     e(fun() -> persistent_term:erase(k) end),
     e(fun() -> persistent_term:put({1,2.0},x) end),
     e(fun() -> persistent_term:get({1,2.0}) end),
     e(fun() -> persistent_term:get({1,2}) end),
     e(fun() -> is_map(persistent_term:info()) end),
     e(fun() -> maps:keys(persistent_term:info()) end),
     e(fun() -> [X||X={{1,2.0},_}<-persistent_term:get()] end),
     e(fun() -> begin persistent_term:put(big, lists:seq(1, 1000)), L = persistent_term:get(big), persistent_term:put(big, new), true = persistent_term:erase(big), erlang:garbage_collect(), {lists:sum(L), persistent_term:get(big, gone)} end end),
     e(fun() -> [begin persistent_term:put({x, I}, {I, <<0:(I * 100)>>}), persistent_term:get({x, I}) =:= {I, <<0:(I * 100)>>} end || I <- lists:seq(1, 200)] =:= lists:duplicate(200, true) end),
     e(fun() -> [persistent_term:erase({x, I}) || I <- lists:seq(1, 200, 2)] =:= lists:duplicate(100, true) end),
     e(fun() -> [persistent_term:get({x, I}, none) =/= none || I <- lists:seq(1, 10)] end)].
