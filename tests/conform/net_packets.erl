%% Every way of cutting a stream into packets, whole and in pieces. (timing)
-module(net_packets).
-export([main/0]).

main() ->
    Cases = [{raw, <<"abcdef">>}, {1, <<3,"abc",2,"de">>}, {2, <<0,3,"abc",0,0,0,1,"x">>}, {4, <<0,0,0,2,"ab",0,0,0,1,"c">>},
             {line, <<"one\ntwo\r\n\nrest\n">>}, {asn1, <<48,3,1,2,3,2,1,9>>}, {sunrm, <<128,0,0,2,"ab",0,0,0,1,"c">>},
             {cdr, <<"GIOP",1,2,0,0,0,0,0,2,"ab">>}, {fcgi, <<1,2,0,1,0,3,1,0,"abcd">>}, {tpkt, <<3,0,0,6,"ab",3,0,0,5,"c">>},
             {ssl_tls, <<22,3,1,0,2,"ab",21,3,3,0,1,"c">>}, {http, http()}, {http_bin, http()}, {httph, headers()}, {httph_bin, headers()}],
    [{P, whole(P, Data), pieces(P, Data), active(P, Data)} || {P, Data} <- Cases]
        ++ [{too_long, too_long()}, {bad, bad()}, {long_lines, long_lines()}, {delimiter, delimiter()}, {sizes, sizes()},
            {switch, switch()}, {headers_of_data, header()}, {as_port, as_port()}].

http() -> <<"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Other: y z\r\n\r\nHTTP/1.0 404 Not Found\r\n\r\nnonsense\r\n">>.
headers() -> <<"Content-Length: 10\r\nFolded: a\r\n b\r\n\r\n">>.

pair(Opts) ->
    {ok, L} = gen_tcp:listen(0, [{ip, {127,0,0,1}} | Opts]),
    {ok, P} = inet:port(L),
    {ok, C} = gen_tcp:connect({127,0,0,1}, P, [{nodelay, true}]),
    {ok, S} = gen_tcp:accept(L, 2000),
    ok = gen_tcp:close(L),
    {C, S}.

whole(P, Data) ->
    {C, S} = pair([binary, {packet, P}, {active, false}]),
    ok = gen_tcp:send(C, Data),
    ok = gen_tcp:close(C),
    all(S).

pieces(P, Data) ->
    {C, S} = pair([list, {packet, P}, {active, false}]),
    Me = self(),
    Pid = spawn_link(fun() -> receive Me -> ok end, [begin gen_tcp:send(C, [B]), timer:sleep(1) end || <<B>> <= Data], gen_tcp:close(C) end),
    ok = gen_tcp:controlling_process(C, Pid),
    Pid ! Me,
    case P of raw -> raw_all(S, []); _ -> all(S) end.

all(S) ->
    case gen_tcp:recv(S, 0, 2000) of
        {ok, X} when element(2, X) =:= S -> [setelement(2, X, s) | all(S)];
        {ok, X} -> [X | all(S)];
        {error, _} = E -> [E]
    end.
raw_all(S, Acc) ->
    case gen_tcp:recv(S, 0, 2000) of
        {ok, X} -> raw_all(S, Acc ++ X);
        {error, _} = E -> [Acc, E]
    end.

active(P, Data) ->
    {C, S} = pair([binary, {packet, P}, {active, true}]),
    ok = gen_tcp:send(C, Data),
    ok = gen_tcp:close(C),
    messages(S).

messages(S) ->
    receive
        {tcp_closed, S} -> [tcp_closed];
        M when element(2, M) =:= S -> [setelement(2, M, s) | messages(S)];
        {S, M} -> [{s, M} | messages(S)]
    after 2000 -> []
    end.

too_long() ->
    [begin
         {C, S} = pair([binary, {packet, P}, {packet_size, 4}, {active, A}]),
         ok = gen_tcp:send(C, D),
         case A of true -> messages(S); false -> gen_tcp:recv(S, 0, 1000) end
     end || {P, D} <- [{2, <<0,5,"abcde">>}, {4, <<0,0,0,4,"abcd">>}, {line, <<"abcdefgh\n">>}], A <- [true, false]].

bad() ->
    [begin
         {C, S} = pair([binary, {packet, P}, {active, false}]),
         ok = gen_tcp:send(C, D),
         {P, gen_tcp:recv(S, 0, 1000), gen_tcp:recv(S, 0, 1000)}
     end || {P, D} <- [{cdr, <<"GIXX00000000">>}, {fcgi, <<9,9,9,9,9,9,9,9>>}, {tpkt, <<1,1,1,1>>}, {asn1, <<48,133,1,1,1,1,1>>}]].

long_lines() ->
    {C, S} = pair([binary, {packet, line}, {buffer, 8}, {active, false}]),
    ok = gen_tcp:send(C, "abcdefghijklmnopqrs\nxy\n"),
    ok = gen_tcp:close(C),
    all(S).

delimiter() ->
    {C, S} = pair([list, {packet, line}, {active, false}]),
    ok = inet:setopts(S, [{line_delimiter, $;}]),
    ok = gen_tcp:send(C, "a;b\nc;;d;"),
    ok = gen_tcp:close(C),
    all(S).

sizes() ->
    {C, S} = pair([binary, {packet, 4}, {active, false}]),
    ok = inet:setopts(C, [{packet, 4}]),
    L = [0, 1, 1459, 1460, 1461, 4096, 70000, 1000000],
    spawn_link(fun() -> [ok = gen_tcp:send(C, binary:copy(<<(N rem 251)>>, N)) || N <- L] end),
    [begin {ok, B} = gen_tcp:recv(S, 0, 5000), B =:= binary:copy(<<(N rem 251)>>, N) end || N <- L].

switch() ->
    {C, S} = pair([binary, {packet, http_bin}, {active, false}]),
    ok = gen_tcp:send(C, "POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"),
    A = [gen_tcp:recv(S, 0), gen_tcp:recv(S, 0), gen_tcp:recv(S, 0)],
    ok = inet:setopts(S, [{packet, raw}]),
    {A, gen_tcp:recv(S, 4)}.

header() ->
    {C, S} = pair([binary, {header, 2}, {packet, 2}, {active, false}]),
    ok = gen_tcp:send(C, <<0,5,"abcde",0,2,"xy",0,1,"z">>),
    [gen_tcp:recv(S, 0), gen_tcp:recv(S, 0), gen_tcp:recv(S, 0)].

as_port() ->
    {C, S} = pair([binary, {deliver, port}, {packet, 1}, {active, true}]),
    ok = gen_tcp:send(C, <<2, "ab">>),
    receive {S, X} -> X after 1000 -> none end.
