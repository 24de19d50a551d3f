%% Long binaries searched and summed in slices; global runs of patterns; -- on long lists.
-module(data_large). -export([main/0]).
main() ->
 B = binary:copy(<<"hello, world; ">>, 1000000),
 [erlang:md5(B), erlang:crc32(B), erlang:adler32(B), length(binary:matches(B,<<"world">>)), binary:match(B,<<"zzz">>), length(binary:split(B,[<<", ">>,<<"; ">>],[global])),
  case re:run(B,"w[a-z]+d",[global]) of {match,M} -> {length(M),lists:last(M),lists:nth(500000,M)} end,
  re:run("aXbXX","X*",[global]), re:run("aXbXX","X*",[global,{capture,all,list}]), re:run(<<"äöü"/utf8>>,"",[global,unicode]), re:run("a\r\nb","$",[global,multiline,{newline,crlf}]),
  re:run("a\r\nb","",[global,{newline,any}]), re:run("abc","(?<x>b)|(c)",[global,{capture,all_names,binary}]), re:run("abc","x",[global]), re:run("abc","b",[global,{capture,none}]), re:run("abc","(?=(b))",[global]), re:run("aab","a*?",[global]), re:run("aaa","^a",[global]), re:run("abab","(?<=a)b",[global]),re:split("a1b2c","[0-9]",[{return,list}]),re:replace("abcd","b|c","[&]",[global,{return,list}]), re:run("foobar","\\Bo|(?!x)",[global]), re:split("","x"), re:split("abc",""), re:replace("abc","","-",[global,{return,list}]),
  erlang:phash2(lists:sort((lists:seq(1,20000)++lists:seq(1,20000)) -- lists:seq(5,30000,3))), lists:seq(1,20) -- lists:seq(2,20,2), [1,1.0,a,{b},"x",<<1>>,1 bsl 70] -- [1.0,{b},1 bsl 70,z,y,w,v,u,"x"], [a,b,a,b,c,a] -- [a,a,z,y,x,w,v,u,t,b]].
